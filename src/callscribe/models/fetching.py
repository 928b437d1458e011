"""Fetching one file over HTTP so that a break loses nothing: what came is kept and continued next time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import httpx

from callscribe.errors import ModelError
from callscribe.models.catalogue import host, reason

Stage = Literal["download", "check", "unpack"]

Progress = Callable[[Stage, int, int], None]
"""Called with the stage, bytes done and bytes in all (0: unknown)."""

SILENCE_S = 30.0
"""Give up on a server that sends nothing for so long."""
_ATTEMPTS = 4
"""Tries in a row that bring nothing new."""


class Remote(NamedTuple):
    """A file that can be fetched."""

    name: str
    """Of what it belongs to, for messages."""
    url: str
    size: int
    """Bytes, roughly; for progress where the server does not say."""
    instead: str = "download the archive elsewhere, unpack it, and give its folder to --model"
    """What else a person without a connection can do."""


def size_of(file: Path) -> int:
    """Bytes, 0 when there is no such file."""
    return file.stat().st_size if file.exists() else 0


def _tag_file(part: Path) -> Path:
    return part.with_suffix(".tag")


def discard(part: Path) -> None:
    """Forget what was fetched."""
    part.unlink(missing_ok=True)
    _tag_file(part).unlink(missing_ok=True)


def need_space(folder: Path, needed: int, name: str) -> None:
    """Make sure that so many bytes are free.

    Raises:
        ModelError: they are not.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ModelError(
            f"{name} needs {megabytes(needed)} in {folder}, where {megabytes(free)} are free. "
            "Free some space, or name another folder in CALLSCRIBE_MODELS."
        )


def megabytes(size: int) -> str:
    """A size for people: `41 MB`, `1.9 GB`."""
    if size >= 1_000_000_000:
        return f"{size / 1e9:.1f} GB"
    return f"{max(1, round(size / 1e6))} MB"


def download(
    client: httpx.Client,
    remote: Remote,
    part: Path,
    on_progress: Progress,
    retry_s: float,
) -> None:
    """Fetch until the file is whole, going on where it broke off."""
    failures = 0
    while True:
        before = size_of(part)
        try:
            _fetch_rest(client, remote, part, on_progress)
        except httpx.HTTPError as error:
            failures = 1 if size_of(part) > before else failures + 1
            if failures >= _ATTEMPTS or isinstance(error, httpx.ConnectError):
                raise ModelError(_broken_off(remote, part, error)) from error
            time.sleep(retry_s * (failures - 1))
        else:
            return


def _broken_off(remote: Remote, part: Path, error: httpx.HTTPError) -> str:
    here = size_of(part)
    if not here:
        return (
            f"{remote.name} cannot be downloaded from {host(remote.url)} ({reason(error)}). "
            f"Check this machine's connection; or {remote.instead}."
        )
    return (
        f"The download of {remote.name} broke off after {megabytes(here)} ({reason(error)}). "
        "Run the same command again: it continues from there."
    )


def _fetch_rest(client: httpx.Client, remote: Remote, part: Path, on_progress: Progress) -> None:
    """One request for what is missing.

    Raises:
        httpx.HTTPError: no connection, or it broke off.
        ModelError: the server refuses.
    """
    here = size_of(part)
    tag = _tag_file(part)
    headers = {"Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
        if tag.exists():
            headers["If-Range"] = tag.read_text(encoding="ascii")  # the same file, or all of it
    with client.stream("GET", remote.url, headers=headers) as response:
        match response.status_code:
            case httpx.codes.OK:
                here = 0
            case httpx.codes.PARTIAL_CONTENT if _begins_at(response, here):
                pass
            case httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE if here:
                if _whole_size(response) != here:
                    discard(part)
                    raise httpx.RemoteProtocolError("the file has changed in the meantime")
                return  # nothing is missing
            case httpx.codes.PARTIAL_CONTENT:
                discard(part)
                raise httpx.RemoteProtocolError(
                    "the server sent a different part from the one asked for"
                )
            case httpx.codes.NOT_FOUND:
                raise ModelError(
                    f"{remote.name} is no longer at {remote.url}. "
                    "See what there is with: callscribe models list"
                )
            case status if status >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise httpx.RemoteProtocolError(f"status {status}")
            case status:
                raise ModelError(
                    f"{host(remote.url)} refuses {remote.name} with status {status}. Try again later."
                )
        strong = response.headers.get("ETag", "")
        if strong.startswith('"') and strong.isascii():
            tag.write_text(strong, encoding="ascii")
        else:
            tag.unlink(missing_ok=True)
        length = int(response.headers.get("Content-Length", 0))
        total = here + length if length else remote.size
        _check_size(remote, total)
        with part.open("r+b" if here else "wb") as file:
            file.seek(here)
            on_progress("download", here, total)
            for chunk in response.iter_bytes():  # as it comes: a break loses nothing
                _check_size(remote, here + len(chunk))
                file.write(chunk)
                here += len(chunk)
                on_progress("download", here, total)


LARGEST = 10_000_000_000
"""Bytes. No model is larger; one whose size nobody states must end somewhere."""
_MORE_THAN_STATED = 1.1


def _check_size(remote: Remote, size: int) -> None:
    """Take no more than was announced, or a server could fill the disk."""
    most = remote.size * _MORE_THAN_STATED if remote.size else LARGEST
    if size > most:
        raise ModelError(
            f"{host(remote.url)} sends more for {remote.name} than it should: {megabytes(size)} instead of "
            f"{megabytes(remote.size or LARGEST)}. Nothing was installed."
        )


def _begins_at(response: httpx.Response, place: int) -> bool:
    said = response.headers.get("Content-Range", "")
    return bool(said.replace(" ", "").lower().startswith(f"bytes{place}-"))


def _whole_size(response: httpx.Response) -> int:
    """From `Content-Range: bytes */1234`, -1 when it does not say."""
    _, _, size = response.headers.get("Content-Range", "").partition("/")
    return int(size) if size.isdecimal() else -1
