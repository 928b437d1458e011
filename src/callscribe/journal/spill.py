"""What the store could not take, on any disk that can be had, until the store takes it after all.

During an outage the journal keeps events in memory; this keeps them in a file beside, so that they outlive the process:
in the data folder if that can be written (the database may be locked or damaged while its disk is well), else in the
user's state folder, else in the one for temporary files. The next server that opens the record reads them in.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from callscribe.events import AnyEvent, from_json, to_json
from callscribe.journal.thread import JobThread
from callscribe.store.base import EventReader, every_event

PATIENCE_S = 2.0
"""A folder whose disk does not answer within this time is given up for another one."""


class Record(EventReader, Protocol):
    """What `take_in` needs of a store."""

    def append(self, events: Sequence[AnyEvent]) -> Sequence[int]: ...


class Spill:
    """One server's file of unwritten events. Use it from the event loop.

    Args:
        folders: where the file may stand, the best first.
        key: names the record, so that nobody else's file is read in; from `key_of`.
        patience_s: see `PATIENCE_S`.
    """

    def __init__(
        self, folders: Sequence[Path], key: str, *, patience_s: float = PATIENCE_S
    ) -> None:
        self._folders = list(folders)
        self._name = f"unwritten-{key}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        self._patience_s = patience_s
        self._log = structlog.get_logger(__name__)
        self._events: list[AnyEvent] = []
        self._saved = 0
        self._file: Path | None = None
        self._left: list[tuple[JobThread, Path]] = []
        """Files in folders that were given up, and who may still be writing them. They go when the store has it all."""
        self._removing: set[asyncio.Future[None]] = set()
        self._worker = JobThread("spill")
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None

    @property
    def place(self) -> Path | None:
        """The file, while there is one."""
        return self._file

    def add(self, events: Sequence[AnyEvent]) -> None:
        """Keep these too. Returns at once; `settled` waits until they are on a disk, or no disk takes them."""
        if not events:
            return
        self._events += events
        self._stir()

    def clear(self) -> None:
        """The store has them all now: the file goes."""
        if not self._events:
            return
        self._events, self._saved = [], 0
        self._stir()

    async def settled(self) -> bool:
        """Wait until all is done that can be; True when everything given is on a disk."""
        await self._idle.wait()
        return self._saved == len(self._events)

    def _stir(self) -> None:
        self._idle.clear()
        self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="spill")

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while not self._wake.is_set() and not self._is_done():
                await self._step()
            if not self._wake.is_set():
                self._idle.set()

    def _is_done(self) -> bool:
        if not self._events:
            return self._file is None and not self._left
        return self._saved == len(self._events) or not self._folders

    async def _step(self) -> None:
        events = self._events
        if not events:
            if self._file is not None:
                await self._on_disk(partial(self._file.unlink, missing_ok=True))
            self._file, self._saved = None, 0
            self._remove_left()
            return
        file = self._folders[0] / self._name
        fresh = self._file is None
        chunk = events[0 if fresh else self._saved :]
        if await self._on_disk(lambda: _append(file, chunk, fresh=fresh)):
            self._file = file
            if events is self._events:
                self._saved = len(chunk) + (0 if fresh else self._saved)
            return
        self._log.warning("unwritten events cannot be kept here", folder=str(self._folders.pop(0)))
        self._left.append((self._worker, file))
        self._file, self._saved = None, 0
        self._worker = JobThread("spill")  # the old one may never come back
        if not self._folders:
            self._log.error("unwritten events are kept in memory only: no disk takes them")

    def _remove_left(self) -> None:
        """Remove what stands in folders that were given up, once their disks answer; nobody waits for that."""
        for worker, file in self._left:
            removing = asyncio.ensure_future(worker.run(partial(_remove, file)))
            self._removing.add(removing)
            removing.add_done_callback(self._removing.discard)
        self._left = []

    async def _on_disk(self, job: Callable[[], None]) -> bool:
        """Whether the job worked, in time."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._worker.run(job)
        except (OSError, TimeoutError):
            return False
        return True


def _append(file: Path, events: Sequence[AnyEvent], *, fresh: bool) -> None:
    """Write lines and flush them to the disk.

    Raises:
        OSError: it cannot be done.
    """
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    if fresh:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags |= os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(file, flags, 0o600), "wb") as handle:
        handle.write(b"".join(to_json(event) + b"\n" for event in events))
        handle.flush()
        os.fsync(handle.fileno())


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):  # the next start tries it again
        file.unlink(missing_ok=True)


def key_of(data: Path) -> str:
    """Names the record of a data folder in the names of files that stand elsewhere."""
    return hashlib.sha256(str(data.absolute()).encode()).hexdigest()[:12]


def folders_for(data: Path) -> list[Path]:
    """Where unwritten events of a data folder's record may be kept, the best first."""
    return [data, state_folder(), Path(tempfile.gettempdir())]


def state_folder() -> Path:
    """The user's own folder for what callscribe keeps between runs, beside any data folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if state else Path("~/.local/state").expanduser()
    return home / "callscribe"


def left_behind(folders: Sequence[Path], key: str) -> list[tuple[Path, list[AnyEvent]]]:
    """Files that earlier servers could not empty, the oldest first, and the events in them. Blocks.

    A line that was cut off by a crash, or that is no event of ours, is left out and logged.
    """
    log = structlog.get_logger(__name__)
    found: list[tuple[float, Path]] = []
    for folder in dict.fromkeys(folders):
        with contextlib.suppress(OSError):
            for file in folder.glob(f"unwritten-{key}-*.jsonl"):
                about = file.lstat()
                # Others can write to a folder for temporary files.
                own = not hasattr(os, "getuid") or about.st_uid == os.getuid()
                if own and stat.S_ISREG(about.st_mode):
                    found.append((about.st_mtime, file))
    files = []
    for _, file in sorted(found):
        events = []
        try:
            lines = file.read_bytes().splitlines()
        except OSError as error:
            log.error("unwritten events cannot be read", file=str(file), error=str(error))
            continue
        for line in lines:
            try:
                events.append(from_json(line))
            except (ValueError, RecursionError) as error:
                log.error("line is no event", file=str(file), error=str(error))
        files.append((file, events))
    return files


def take_in(store: Record, folders: Sequence[Path], key: str) -> int:
    """Write what earlier servers could not, and let their files go. Blocks; called once, before anything is published.

    Returns:
        How many events were written.

    Raises:
        StoreError: the store does not take them; the files stay.
    """
    count = 0
    for file, events in left_behind(folders, key):
        known: set[AnyEvent] = set()
        for call in dict.fromkeys(event.call for event in events):
            # As they were published, whatever people are called since.
            known.update(every_event(store, call, as_written=True))
        # A store that did not answer in time may have taken them all the same; what was remembered may be there twice.
        missing = [event for event in dict.fromkeys(events) if event not in known]
        if missing:
            store.append(missing)
        count += len(missing)
        with contextlib.suppress(OSError):
            file.unlink()
    return count
