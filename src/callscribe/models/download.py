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
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import httpx
import msgspec

from callscribe import clients
from callscribe.errors import ModelError
from callscribe.models.catalogue import CatalogueEntry, is_safe_name
from callscribe.models.fetching import (
    SILENCE_S,
    Progress,
    Remote,
    discard,
    download,
    need_space,
    size_of,
)
from callscribe.models.folder import ABOUT_FILE, About, ModelFolder, inspect

_CHUNK = 1 << 18
_GROWTH = 2
"""A model unpacked is about so many times its archive; told exactly once the archive is here."""
_MOST_GROWTH = 20
"""Times its archive that no model has."""


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
        need_space(models, entry.size * (1 + _GROWTH) - size_of(archive), entry.name)
        own = client or clients.client(entry.url, follow_redirects=True, timeout=SILENCE_S)
        try:
            download(own, Remote(entry.name, entry.url, entry.size), archive, on_progress, retry_s)
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
    discard(archive)
    return inspect(target)


def _check(entry: CatalogueEntry, archive: Path, on_progress: Progress) -> None:
    if entry.checksum:
        kind, _, wanted = entry.checksum.partition(":")
        # Only against damage on the way: the list and the archive come from the same publisher.
        digest = hashlib.new(kind, usedforsecurity=False)
        total = size_of(archive)
        with archive.open("rb") as file:
            while chunk := file.read(_CHUNK * 4):
                digest.update(chunk)
                on_progress("check", file.tell(), total)
        if digest.hexdigest() != wanted:
            discard(archive)
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
                if total > size_of(archive) * _MOST_GROWTH:
                    raise zipfile.BadZipFile("it would unpack to far more than a model")
                need_space(target.parent, total, entry.name)
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
            discard(archive)
            raise ModelError(
                f"The archive of {entry.name} is damaged ({error}). "
                "It has been deleted; run the same command again."
            ) from error
        about = About(name=entry.name, language=entry.language, licence=entry.licence)
        (staging / ABOUT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(about)))
        inspect(staging)  # before anything is replaced
        put_in_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def put_in_place(staging: Path, target: Path) -> None:
    """Let a whole folder take the place of what is at `target`, if anything is."""
    staging.chmod(0o755)
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        target.rename(old / target.name)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(target)


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
                f"The archive of {name} has the member {info.filename!r}, which does not belong in a model. "
                "Nothing was installed."
            )
    tops = {path.parts[0] for path in paths}
    strip = 1 if len(tops) == 1 and all(len(path.parts) > 1 for path in paths) else 0
    for info, path in zip(files, paths, strict=True):
        yield info, PurePosixPath(*path.parts[strip:])
