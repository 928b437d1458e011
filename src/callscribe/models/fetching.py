"""Fetching one file over HTTP so that a break loses nothing: what came is kept and continued next time."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import httpx

from callscribe import files
from callscribe.errors import ModelError

if sys.platform != "win32":
    import fcntl

Stage = Literal["download", "check", "unpack"]

Progress = Callable[[Stage, int, int], None]
"""Called with the stage, bytes done and bytes in all (0: unknown)."""

DOWNLOADS = ".downloads"
"""In the models folder: what is being downloaded, or broke off."""
STAGING = ".callscribe-new-"
"""How folders begin that become a model, or were one until now."""
SILENCE_S = 30.0
"""Give up on a server that sends nothing for so long."""
_SLOWEST = 1_000
"""Bytes a second, over `SILENCE_S`. Who sends less might go on for ever."""
_ATTEMPTS = 4
"""Tries in a row that bring next to nothing."""
_PROGRESS = 1 << 16
"""Bytes that are more than that."""


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


def _tag(part: Path) -> str:
    """What the server called this version of the file; empty when it did not say, or what was kept is unusable."""
    try:
        kept = files.read(_tag_file(part), _LONGEST_TAG).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return ""
    return kept if kept.isprintable() else ""


_LONGEST_TAG = 1000


def discard(part: Path) -> None:
    """Forget what was fetched."""
    part.unlink(missing_ok=True)
    _tag_file(part).unlink(missing_ok=True)


@contextlib.contextmanager
def alone(models: Path) -> Iterator[Path]:
    """The folder of downloads that are under way, for one process at a time, without what killed ones left.

    Raises:
        ModelError: another process is downloading; or the folder, or what is downloaded, cannot be written.
    """
    folder = models / DOWNLOADS
    with _saved_in(models), contextlib.ExitStack() as held:
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform != "win32":
            handle = os.open(folder, os.O_RDONLY)
            held.callback(os.close, handle)
            if _locked(handle, models):
                for left in (*models.glob(f"{STAGING}*"), *folder.glob(f"{STAGING}*")):
                    shutil.rmtree(left, ignore_errors=True)
        yield folder


def _locked(handle: int, models: Path) -> bool:
    """Lock an open folder for this process; False where its file system knows no locks, as some network ones.

    Raises:
        ModelError: another process has it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ModelError(
            f"Another download into {models} is under way. Run this again when it is over."
        ) from None
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _saved_in(models: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"The model cannot be saved in {models}: {error.strerror or error}. "
            "Free space, or name another folder in CALLSCRIBE_MODELS."
        ) from error


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
            failures = 1 if size_of(part) >= before + _PROGRESS else failures + 1
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
        ModelError: the server refuses, or sends more than it should.
    """
    here, tag = size_of(part), _tag(part)
    headers = {}
    if here and tag:  # without a tag nobody can tell whether it is still the same file
        headers = {"Range": f"bytes={here}-", "If-Range": tag}
    else:
        here = 0
    with stream(client, remote.url, headers) as response:
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
                    "See what is available with: callscribe models list"
                )
            case status if status >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise httpx.RemoteProtocolError(f"status {status}")
            case status:
                raise ModelError(
                    f"{host(remote.url)} refuses {remote.name} with status {status}. Try again later."
                )
        _keep_tag(response, part)
        length = int(response.headers.get("Content-Length", 0))
        stated = max(here + length if length else 0, _whole_size(response))
        total = stated or remote.size
        _check_size(remote, total, part)
        with part.open("r+b" if here else "wb") as file:
            file.seek(here)
            on_progress("download", here, total)
            since, had = time.monotonic(), here
            for chunk in response.iter_raw():  # as it comes: a break loses nothing
                _check_size(remote, here + len(chunk), part)
                file.write(chunk)
                here += len(chunk)
                on_progress("download", here, total)
                now = time.monotonic()
                if now - since > SILENCE_S:
                    if here - had < _SLOWEST * (now - since):
                        raise httpx.ReadTimeout("")
                    since, had = now, here
        if here < stated:
            raise httpx.RemoteProtocolError("the server sent only a part")


MOST_REDIRECTS = 10


@contextlib.contextmanager
def stream(
    client: httpx.Client, url: str, headers: Mapping[str, str] | None = None
) -> Iterator[httpx.Response]:
    """An answer of which nothing has been read yet, as it is sent: nothing in it grows by being unpacked.

    Redirects are followed without reading what comes with them, and never from https to anything less.

    Raises:
        httpx.HTTPError: no answer, or none that can be taken.
    """
    try:
        request = client.build_request(
            "GET", url, headers={"Accept-Encoding": "identity", **(headers or {})}
        )
    except httpx.InvalidURL as error:
        raise httpx.UnsupportedProtocol(f"`{url[:200]}` is not an address: {error}") from None
    for _ in range(MOST_REDIRECTS):
        response = client.send(request, stream=True, follow_redirects=False)
        try:
            following = response.next_request
            if following is None:
                coding = response.headers.get("Content-Encoding", "identity")
                if coding != "identity":
                    raise httpx.RemoteProtocolError(
                        "the server sent it compressed without being asked"
                    )
                yield response
                return
            if request.url.scheme == "https" and following.url.scheme != "https":
                raise httpx.RemoteProtocolError(
                    f"it redirects to {following.url.host} without encryption"
                )
            request = following
        finally:
            response.close()
    raise httpx.TooManyRedirects("it keeps redirecting", request=request)


def _keep_tag(response: httpx.Response, part: Path) -> None:
    """Remember what this version of the file is called, so that a later request can ask for the rest of the same."""
    tag = response.headers.get("ETag", "")
    if not tag.startswith('"'):  # a weak one does not promise the same bytes
        tag = response.headers.get("Last-Modified", "")
    if tag and tag.isascii() and tag.isprintable() and len(tag) <= _LONGEST_TAG:
        _tag_file(part).write_text(tag, encoding="ascii")
    else:
        _tag_file(part).unlink(missing_ok=True)


LARGEST = 10_000_000_000
"""Bytes. No model is larger; one whose size nobody states must end somewhere."""
_MORE_THAN_STATED = 1.1


def _check_size(remote: Remote, size: int, part: Path) -> None:
    """Take no more than was announced, or a server could fill the disk."""
    stated = min(remote.size, LARGEST) if remote.size > 0 else LARGEST
    if size > stated * _MORE_THAN_STATED:
        discard(part)
        raise ModelError(
            f"{host(remote.url)} sends more for {remote.name} than it should: {megabytes(size)} instead of "
            f"{megabytes(stated)}. Nothing was installed."
        )


def _begins_at(response: httpx.Response, place: int) -> bool:
    said = response.headers.get("Content-Range", "")
    return bool(said.replace(" ", "").lower().startswith(f"bytes{place}-"))


def _whole_size(response: httpx.Response) -> int:
    """From `Content-Range: bytes */1234` or `bytes 5-9/1234`, -1 when it does not say."""
    _, _, size = response.headers.get("Content-Range", "").partition("/")
    return int(size) if size.isdecimal() and len(size) < 20 else -1


def reason(error: httpx.HTTPError) -> str:
    """A network error in words."""
    match error:
        case httpx.ConnectTimeout() | httpx.ReadTimeout() | httpx.PoolTimeout():
            return "no answer in time"
        case httpx.ConnectError():
            return f"no connection: {error}" if str(error) else "no connection"
        case httpx.TooManyRedirects():
            return "it keeps redirecting"
        case _:
            return str(error) or type(error).__name__


def host(url: str) -> str:
    """The machine an address names, for messages; without a name and password before it."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url[:100]
    except ValueError:
        return url[:100]
