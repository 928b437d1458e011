"""The token of pages and API: from the settings, or kept in the data folder."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import structlog

from callscribe import files
from callscribe.errors import SettingsError, StoreError
from callscribe.web.strength import MINIMUM, weakness

log = structlog.get_logger(__name__)

FILE = "token"
"""In the data folder; readable by its owner only."""
_LARGEST = 4096
"""Bytes."""
_CURE = "Delete the file, and a new token is made at the next start."


def page_token(chosen: str, data: Path, known: Mapping[str, str] | None = None) -> str:
    """The token that was chosen, or the one kept in the data folder, made on first use.

    Args:
        chosen: from the settings; empty when nobody chose one.
        known: what others know about this server, which must not be most of it (`strength.weakness`).

    Raises:
        SettingsError: the chosen or the kept one cannot be used; says why and what to do.
        StoreError: the folder cannot be written.
    """
    token = usable_token(chosen, data, known)
    if token and not chosen and files.keep_others_out(data / FILE):
        log.warning(
            "other users of this machine could read the token until now; delete the file, and a new one is made",
            file=str(data / FILE),
        )
    return token or _make(data)


def usable_token(chosen: str, data: Path, known: Mapping[str, str] | None = None) -> str:
    """As `page_token`, but empty when there is none yet.

    Raises:
        SettingsError: the chosen or the kept one cannot be used; says why and what to do.
    """
    if chosen:
        if why := weakness(chosen, known):
            raise SettingsError(
                f"`token` (CALLSCRIBE_TOKEN) can be guessed: {why}. Leave it out and one is made."
            )
        return chosen
    kept = kept_token(data)
    if kept and (why := weakness(kept, known)):
        raise SettingsError(f"The token in {data / FILE} can be guessed: {why}. {_CURE}")
    return kept


def kept_token(data: Path) -> str:
    """The token kept in a data folder; empty when there is none.

    Raises:
        SettingsError: there is a file, but it cannot be read or holds no usable token; says what to do.
    """
    file = data / FILE
    try:
        content = files.read(file, _LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise SettingsError(
            f"The token file {file} cannot be read ({error.strerror}). Make it readable for this user, "
            "or move it away and a new token is made at the next start."
        ) from None
    try:
        token = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"The token file {file} does not hold a token. {_CURE}") from None
    if not token:
        return ""
    if not token.isprintable() or " " in token:
        raise SettingsError(f"The token file {file} does not hold a token. {_CURE}")
    if len(token) < MINIMUM:
        raise SettingsError(
            f"The token in {file} has {len(token)} characters; at least {MINIMUM} are needed, "
            f"or it can be guessed. {_CURE}"
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
