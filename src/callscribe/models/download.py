"""Getting a model: download that can be continued, checksum, unpacking that cannot leave its folder, one rename.

Whatever goes wrong, the models folder holds either the whole model or nothing of it; a broken-off download stays as
`.downloads/NAME.zip.part` and is continued next time.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

import httpx
import msgspec

from callscribe.errors import ModelError
from callscribe.models.catalogue import CatalogueEntry, host, is_safe_name, reason
from callscribe.models.folder import ABOUT_FILE, About, ModelFolder, inspect

Stage = Literal["download", "check", "unpack"]

Progress = Callable[[Stage, int, int], None]
"""Called with the stage, bytes done and bytes in all (0: unknown)."""

_CHUNK = 1 << 18
_SILENCE_S = 30.0
"""Give up on a server that sends nothing for so long."""
_ATTEMPTS = 4
"""Tries in a row that bring nothing new."""
_GROWTH = 2
"""A model unpacked is about so many times its archive; told exactly once the archive is here."""


def install(
    entry: CatalogueEntry,
    models: Path,
    *,
    client: httpx.Client | None = None,
    on_progress: Progress = lambda stage, done, total: None,
    again: bool = False,
    retry_s: float = 1.0,
) -> ModelFolder:
    """Download a model, check it and put it into the models folder.

    Args:
        entry: what to get.
        models: the folder of all models; made when missing.
        client: for tests and proxies.
        on_progress: told of every chunk.
        again: also when the model is there already; it is replaced only by a whole one.
        retry_s: wait after a try that brought nothing; longer each time.

    Raises:
        ModelError: offline, refused, broken off, wrong checksum, not a model, or no space; says what to do.
    """
    if not is_safe_name(entry.name):
        raise ModelError(f"`{entry.name}` cannot be a model's name.")
    target = models / entry.name
    if target.exists() and not again:
        with contextlib.suppress(ModelError):
            return inspect(target)
        # What lies there is no model any more; a whole one takes its place.
    archive = models / ".downloads" / f"{entry.name}.zip.part"
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        _need_space(models, entry.size * (1 + _GROWTH) - _size(archive), entry.name)
        own = client or httpx.Client(follow_redirects=True, timeout=_SILENCE_S)
        try:
            _download(own, entry, archive, on_progress, retry_s)
        finally:
            if client is None:
                own.close()
        _check(entry, archive, on_progress)
        _unpack(entry, archive, target, on_progress)
    except OSError as error:
        raise ModelError(
            f"The model cannot be saved in {models}: {error.strerror or error}. "
            "Free space, or name another folder in CALLSCRIBE_MODELS."
        ) from error
    _discard(archive)
    return inspect(target)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _tag_file(archive: Path) -> Path:
    return archive.with_suffix(".tag")


def _discard(archive: Path) -> None:
    archive.unlink(missing_ok=True)
    _tag_file(archive).unlink(missing_ok=True)


def _need_space(folder: Path, needed: int, name: str) -> None:
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


def _download(
    client: httpx.Client,
    entry: CatalogueEntry,
    archive: Path,
    on_progress: Progress,
    retry_s: float,
) -> None:
    """Fetch until the archive is whole, going on where it broke off."""
    failures = 0
    while True:
        before = _size(archive)
        try:
            _fetch_rest(client, entry, archive, on_progress)
        except httpx.HTTPError as error:
            failures = 1 if _size(archive) > before else failures + 1
            if failures >= _ATTEMPTS or isinstance(error, httpx.ConnectError):
                raise ModelError(_broken_off(entry, archive, error)) from error
            time.sleep(retry_s * (failures - 1))
        else:
            return


def _broken_off(entry: CatalogueEntry, archive: Path, error: httpx.HTTPError) -> str:
    here = _size(archive)
    if not here:
        return (
            f"{entry.name} cannot be downloaded from {host(entry.url)} ({reason(error)}). "
            "Check this machine's connection; or download the archive elsewhere, unpack it, "
            "and give its folder to --model."
        )
    return (
        f"The download of {entry.name} broke off after {megabytes(here)} ({reason(error)}). "
        "Run the same command again: it goes on from there."
    )


def _fetch_rest(
    client: httpx.Client, entry: CatalogueEntry, archive: Path, on_progress: Progress
) -> None:
    """One request for what is missing.

    Raises:
        httpx.HTTPError: no connection, or it broke off.
        ModelError: the server refuses.
    """
    here = _size(archive)
    tag = _tag_file(archive)
    headers = {"Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
        if tag.exists():
            headers["If-Range"] = tag.read_text(encoding="ascii")  # the same file, or all of it
    with client.stream("GET", entry.url, headers=headers) as response:
        match response.status_code:
            case httpx.codes.OK:
                here = 0
            case httpx.codes.PARTIAL_CONTENT if _begins_at(response, here):
                pass
            case httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE if here:
                if _whole_size(response) != here:
                    _discard(archive)
                    raise httpx.RemoteProtocolError("the archive has changed meanwhile")
                return  # nothing is missing
            case httpx.codes.PARTIAL_CONTENT:
                _discard(archive)
                raise httpx.RemoteProtocolError("the server sent another part than asked for")
            case httpx.codes.NOT_FOUND:
                raise ModelError(
                    f"{entry.name} is no longer at {entry.url}. "
                    "See what there is with: callscribe models list"
                )
            case status if status >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise httpx.RemoteProtocolError(f"status {status}")
            case status:
                raise ModelError(
                    f"{host(entry.url)} refuses {entry.name} with status {status}. Try again later."
                )
        strong = response.headers.get("ETag", "")
        if strong.startswith('"') and strong.isascii():
            tag.write_text(strong, encoding="ascii")
        else:
            tag.unlink(missing_ok=True)
        length = int(response.headers.get("Content-Length", 0))
        total = here + length if length else entry.size
        with archive.open("r+b" if here else "wb") as file:
            file.seek(here)
            on_progress("download", here, total)
            for chunk in response.iter_bytes():  # as it comes: a break loses nothing
                file.write(chunk)
                here += len(chunk)
                on_progress("download", here, total)


def _begins_at(response: httpx.Response, place: int) -> bool:
    said = response.headers.get("Content-Range", "")
    return bool(said.replace(" ", "").lower().startswith(f"bytes{place}-"))


def _whole_size(response: httpx.Response) -> int:
    """From `Content-Range: bytes */1234`, -1 when it does not say."""
    _, _, size = response.headers.get("Content-Range", "").partition("/")
    return int(size) if size.isdecimal() else -1


def _check(entry: CatalogueEntry, archive: Path, on_progress: Progress) -> None:
    if entry.checksum:
        kind, _, wanted = entry.checksum.partition(":")
        # Only against damage on the way: the list and the archive come from the same publisher.
        digest = hashlib.new(kind, usedforsecurity=False)
        total = _size(archive)
        with archive.open("rb") as file:
            while chunk := file.read(_CHUNK * 4):
                digest.update(chunk)
                on_progress("check", file.tell(), total)
        if digest.hexdigest() != wanted:
            _discard(archive)
            raise ModelError(
                f"The archive of {entry.name} is damaged: its {kind} checksum is {digest.hexdigest()}, "
                f"not {wanted}. It has been deleted; run the same command again."
            )


def _unpack(entry: CatalogueEntry, archive: Path, target: Path, on_progress: Progress) -> None:
    staging = Path(tempfile.mkdtemp(prefix=f".{entry.name}-", dir=target.parent))
    try:
        try:
            with zipfile.ZipFile(archive) as packed:
                members = list(_members(packed, entry.name))
                total = sum(info.file_size for info, _ in members)
                _need_space(target.parent, total, entry.name)
                done = 0
                for info, place in members:
                    destination = staging.joinpath(*place.parts)
                    destination.parent.mkdir(parents=True, exist_ok=True)
                    with packed.open(info) as source, destination.open("xb") as file:
                        while chunk := source.read(_CHUNK * 4):
                            file.write(chunk)
                            done += len(chunk)
                            on_progress("unpack", done, total)
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            _discard(archive)
            raise ModelError(
                f"The archive of {entry.name} is damaged ({error}). "
                "It has been deleted; run the same command again."
            ) from error
        about = About(name=entry.name, language=entry.language, licence=entry.licence)
        (staging / ABOUT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(about)))
        inspect(staging)  # before anything is replaced
        staging.chmod(0o755)
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{entry.name}-old-", dir=target.parent))
            target.rename(old / entry.name)
            staging.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _members(packed: zipfile.ZipFile, name: str) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files of the archive and their places in the model's folder, the archive's own top folder taken off.

    Raises:
        ModelError: a member that would land outside, or that is no plain file.
    """
    files = [info for info in packed.infolist() if not info.is_dir()]
    paths = [PurePosixPath(info.filename.replace("\\", "/")) for info in files]
    for info, path in zip(files, paths, strict=True):
        kind = stat.S_IFMT(info.external_attr >> 16)
        outside = path.is_absolute() or ".." in path.parts or ":" in path.parts[0]
        if outside or kind not in (0, stat.S_IFREG):
            raise ModelError(
                f"The archive of {name} has the member {info.filename!r}, which no model has. "
                "Nothing was installed."
            )
    tops = {path.parts[0] for path in paths}
    strip = 1 if len(tops) == 1 and all(len(path.parts) > 1 for path in paths) else 0
    for info, path in zip(files, paths, strict=True):
        yield info, PurePosixPath(*path.parts[strip:])
