"""The token of pages and API: from the settings, or kept in the data folder."""

from __future__ import annotations

import secrets
from pathlib import Path

from callscribe import files
from callscribe.errors import SettingsError, StoreError
from callscribe.web.access import MINIMUM_TOKEN, weakness

FILE = "token"
"""In the data folder; readable by its owner only."""
_LARGEST = 4096
"""Bytes."""


def page_token(chosen: str, data: Path) -> str:
    """The token that was chosen, or the one kept in the data folder, made on first use.

    Args:
        chosen: from the settings; empty when nobody chose one.

    Raises:
        SettingsError: the chosen or the kept one cannot be used; says why and what to do.
        StoreError: the folder cannot be written.
    """
    if chosen:
        if why := weakness(chosen):
            raise SettingsError(
                f"`token` (CALLSCRIBE_TOKEN) can be guessed: {why}. Leave it out and one is made."
            )
        return chosen
    return kept_token(data) or _make(data)


def kept_token(data: Path) -> str:
    """The token kept in a data folder; empty when there is none.

    Raises:
        SettingsError: there is a file, but it cannot be read or holds no usable token; says what to do.
    """
    file = data / FILE
    cure = "Delete the file, and a new token is made at the next start."
    try:
        content = files.read(file, _LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise SettingsError(
            f"The token file {file} cannot be read ({error.strerror}). Give this user the right to read it, "
            "or move it away and a new token is made at the next start."
        ) from None
    try:
        token = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"The token file {file} does not hold a token. {cure}") from None
    if not token:
        return ""
    if not token.isprintable() or " " in token:
        raise SettingsError(f"The token file {file} does not hold a token. {cure}")
    if len(token) < MINIMUM_TOKEN:
        raise SettingsError(
            f"The token in {file} has {len(token)} characters; at least {MINIMUM_TOKEN} are needed, "
            f"or it can be guessed. {cure}"
        )
    return token


def _make(data: Path) -> str:
    token = secrets.token_urlsafe(24)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(data / FILE, token.encode() + b"\n")
    except OSError as error:
        raise StoreError(
            f"The data folder {data} cannot be written ({error.strerror}). "
            "Make it writable, or name another folder with --data."
        ) from None
    return token
