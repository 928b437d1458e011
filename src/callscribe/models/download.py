"""Getting a model: download that can be continued, checksum, unpacking that cannot leave its folder, one rename.

Whatever goes wrong, the models folder holds either the whole model or nothing of it; a broken-off download stays as
`.downloads/NAME.zip.part` and is continued next time.

Of most models no SHA-256 is known beforehand, at most an MD5 from the server that sends the archive too. What came the
first time is then trusted, and its SHA-256 kept (`firsts`): later downloads must bring the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import httpx
import msgspec

from callscribe import clients
from callscribe.errors import ModelError
from callscribe.models.catalogue import CatalogueEntry, is_safe_name
from callscribe.models.fetching import (
    SILENCE_S,
    STAGING,
    Progress,
    Remote,
    alone,
    discard,
    download,
    host,
    need_space,
    size_of,
)
from callscribe.models.firsts import Firsts
from callscribe.models.folder import ABOUT_FILE, About, ModelFolder, inspect
from callscribe.models.unzipping import BadArchiveError, opened, pieces

_CHUNK = 1 << 20
_GROWTH = 2
"""A model unpacked is about so many times its archive; told exactly once the archive is here."""
_MOST_GROWTH = 20
"""Times its archive that no model has."""
_MOST_FILES = 1000
"""Files that no model has."""


def install(
    entry: CatalogueEntry,
    models: Path,
    *,
    client: httpx.Client | None = None,
    on_progress: Progress = lambda stage, done, total: None,
    on_trust: Callable[[str], None] = lambda told: None,
    again: bool = False,
    retry_s: float = 1.0,
) -> ModelFolder:
    """Download a model, check it and put it into the models folder.

    Args:
        entry: what to get.
        models: the folder of all models; made when missing.
        client: for tests and proxies.
        on_progress: told of every chunk.
        on_trust: told, for people, when the archive had to be trusted because this is its first download.
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
    with alone(models) as downloads:
        part = downloads / f"{entry.name}.zip.part"
        _get(entry, part, target, client, on_progress, on_trust, retry_s)
    return inspect(target)


def _get(
    entry: CatalogueEntry,
    archive: Path,
    target: Path,
    client: httpx.Client | None,
    on_progress: Progress,
    on_trust: Callable[[str], None],
    retry_s: float,
) -> None:
    """Download, check, unpack.

    Raises:
        ModelError: as `install`.
        OSError: it cannot be saved.
    """
    firsts = Firsts(target.parent)
    need_space(target.parent, entry.size * (1 + _GROWTH) - size_of(archive), entry.name)
    own = client or clients.client(entry.url, timeout=SILENCE_S)
    try:
        download(own, Remote(entry.name, entry.url, entry.size), archive, on_progress, retry_s)
    finally:
        if client is None:
            own.close()
    digest = _check(entry, archive, firsts, on_progress)
    _unpack(entry, archive, target, on_progress)
    if not entry.checksum.startswith("sha256:") and firsts.keep(
        entry.name, digest, host(entry.url)
    ):
        on_trust(
            f"No SHA-256 of {entry.name} was known, so what its server sent was trusted. It is {digest}, kept in "
            f"{firsts.file}; later downloads must match it."
        )
    discard(archive)


def _check(entry: CatalogueEntry, archive: Path, firsts: Firsts, on_progress: Progress) -> str:
    """Hold the archive against what is known of it; its SHA-256.

    Raises:
        ModelError: it is another one, or damaged.
    """
    kind, _, wanted = entry.checksum.partition(":")
    first = firsts.of(entry.name)
    # MD5 helps only against damage on the way: the list and the archive come from the same publisher.
    digests = {kind: hashlib.new(kind, usedforsecurity=False)} if kind else {}
    digest = digests.setdefault("sha256", hashlib.sha256())
    total = size_of(archive)
    with archive.open("rb") as file:
        while chunk := file.read(_CHUNK):
            for each in digests.values():
                each.update(chunk)
            on_progress("check", file.tell(), total)
    if kind and digests[kind].hexdigest() != wanted:
        discard(archive)
        raise ModelError(
            f"The archive of {entry.name} is damaged: its {kind} checksum is {digests[kind].hexdigest()}, "
            f"not {wanted}. It has been deleted; run the same command again."
        )
    if first is not None and kind != "sha256" and first.sha256 != digest.hexdigest():
        discard(archive)
        raise ModelError(
            f"{entry.name} is not what it was when it was first downloaded, on {first.day} from {first.host}: its "
            f"SHA-256 is {digest.hexdigest()} now, not {first.sha256}. It has been deleted, and nothing was installed. "
            f"If its publisher says that it has changed, take {entry.name} out of {firsts.file} and run this again."
        )
    return digest.hexdigest()


def _unpack(entry: CatalogueEntry, archive: Path, target: Path, on_progress: Progress) -> None:
    staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=target.parent))
    try:
        try:
            with opened(archive) as packed:
                members = list(_members(packed, entry.name))
                total = sum(info.file_size for info, _ in members)
                if total > size_of(archive) * _MOST_GROWTH or len(members) > _MOST_FILES:
                    raise BadArchiveError("it would unpack to far more than a model")
                need_space(target.parent, total, entry.name)
                done = 0
                for info, place in members:
                    destination = staging.joinpath(*place.parts)
                    destination.parent.mkdir(parents=True, exist_ok=True)
                    with destination.open("xb") as file:
                        for chunk in pieces(packed, info):
                            file.write(chunk)
                            done += len(chunk)
                            on_progress("unpack", done, total)
        except BadArchiveError as error:
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
        old = Path(tempfile.mkdtemp(prefix=STAGING, dir=target.parent))
        target.rename(old / target.name)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(target)


def _members(packed: zipfile.ZipFile, name: str) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files of the archive and their places in the model's folder, the archive's own top folder taken off.

    Raises:
        ModelError: a member that would land outside, or that is no plain file.
        BadArchiveError: two members for one place.
    """
    # `is_dir` fails on an empty name (CPython 3.11).
    files = [info for info in packed.infolist() if not info.filename or not info.is_dir()]
    paths = [PurePosixPath(info.filename.replace("\\", "/")) for info in files]
    for info, path in zip(files, paths, strict=True):
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or not _belongs(path):
            raise ModelError(
                f"The archive of {name} has the member {info.filename[:200]!r}, which does not belong in a model. "
                "Nothing was installed."
            )
    # As systems see them that do not tell capitals from small letters.
    places = {str(path).casefold() for path in paths}
    folders = {str(parent).casefold() for path in paths for parent in path.parents}
    if len(places) < len(paths) or places & folders:
        raise BadArchiveError("it has two files with the same name")
    tops = {path.parts[0] for path in paths}
    strip = 1 if len(tops) == 1 and all(len(path.parts) > 1 for path in paths) else 0
    for info, path in zip(files, paths, strict=True):
        yield info, PurePosixPath(*path.parts[strip:])


_LONGEST_PART, _DEEPEST = 200, 10


def _belongs(path: PurePosixPath) -> bool:
    """Whether a member's path stays in its folder and can be written everywhere."""
    return (
        0 < len(path.parts) <= _DEEPEST
        and not path.is_absolute()
        and all(
            part != ".." and part.isprintable() and ":" not in part and len(part) <= _LONGEST_PART
            for part in path.parts
        )
    )
