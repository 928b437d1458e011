"""Writes tracks to disk as they arrive.

What is placed on the event loop is gathered and handed to one thread, twice a second. That thread alone touches files:
a disk that hangs holds up no call. Killing the process loses what was gathered, at most half a second; what the thread
has written is with the operating system. A power cut may lose more: sound is not flushed to the disk as finals are.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Protocol

import structlog

from callscribe.events import Track
from callscribe.recordings import files
from callscribe.recordings.files import TrackFile

SILENCE = b"\xff"
"""A mu-law zero."""
BYTES_A_MS = 8
_GATHER_S = 0.5
_JITTER_BYTES = 2 * BYTES_A_MS
"""Places are whole milliseconds; audio that seems to be this far from the end of what is there follows it directly."""
_WAITING_BYTES = 256 * 1024 * 1024
"""Audio that may wait for a slow disk; half a minute of 1,000 tracks."""
_PIECE = 1 << 20
_SILENT_PIECE = SILENCE * _PIECE


class Key(Protocol):
    """Which track; `callscribe.speech.tap.TrackKey`."""

    @property
    def call(self) -> str: ...
    @property
    def leg(self) -> str: ...
    @property
    def stream(self) -> str: ...
    @property
    def track(self) -> Track: ...


class _Open:
    """One track that is being written; the thread's own."""

    def __init__(self, name: TrackFile, file: IO[bytes], start_ms: int) -> None:
        self.name = name
        self.file = file
        self.start_ms = start_ms
        self.written = 0

    def write(self, payloads: Sequence[tuple[int, bytes]]) -> None:
        """Pieces in the order of their places (milliseconds on the record's line)."""
        pieces: list[bytes] = []
        for at_ms, payload in payloads:
            gap = (at_ms - self.start_ms) * BYTES_A_MS - self.written
            if gap > _JITTER_BYTES:
                self.written += gap
                while gap > _PIECE:
                    pieces.append(_SILENT_PIECE)
                    gap -= _PIECE
                pieces.append(SILENCE * gap)
            elif gap < -_JITTER_BYTES:
                payload = payload[-gap:]  # what is there already stays
            self.written += len(payload)
            pieces.append(payload)
        self.file.writelines(pieces)
        self.file.flush()


class Recorder:
    """A listener to tracks (`callscribe.speech.tap.Listener`); give it to the streams that are to be recorded.

    Args:
        folder: where the records' folders are; made when needed.
        finish: is called in another thread when a track is complete, with its file.
    """

    def __init__(self, folder: Path, finish: Callable[[TrackFile], None]) -> None:
        self._folder = folder
        self._finish = finish
        self._log = structlog.get_logger(__name__)
        self._gathered: dict[Key, list[tuple[int, bytes]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._waiting = 0
        self._lost = 0
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._open: dict[Key, _Open] = {}
        self._broken: set[Key] = set()
        self._finisher = ThreadPoolExecutor(1, thread_name_prefix="recordings")
        self._thread = threading.Thread(target=self._work, name="recordings", daemon=True)
        self._thread.start()

    # On the event loop

    def opened(self, key: Key, offset_ms: int) -> None:
        """A track begins."""
        self._queue.put(lambda: self._begin(key, offset_ms))

    def placed(self, key: Key, at_ms: int, payload: bytes) -> None:
        """Audio in its place on the record's line."""
        if self._waiting + len(payload) > _WAITING_BYTES:
            self._lose(len(payload))
            return
        self._waiting += len(payload)
        self._gathered.setdefault(key, []).append((at_ms, payload))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_GATHER_S, self._hand_over)

    def closed(self, key: Key) -> None:
        """Nothing more comes of this track."""
        self._hand_over()
        self._queue.put(lambda: self._end(key))

    def close(self) -> None:
        """Write and finish everything. Blocks until that is done. Idempotent."""
        self._hand_over()
        self._queue.put(None)
        self._thread.join()
        self._finisher.shutdown()

    def _hand_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gathered, self._gathered = self._gathered, {}
        if gathered:
            self._queue.put(lambda: self._write(gathered))

    def _lose(self, count: int) -> None:
        if not self._lost:
            self._log.error(
                "the disk is too slow for the recordings; silence takes the place of what is lost"
            )
        self._lost += count

    # In the thread

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            try:
                task()
            except Exception:
                self._log.exception("recording failed")
        for key in list(self._open):
            self._end(key)

    def _begin(self, key: Key, offset_ms: int) -> None:
        start_ms = max(0, offset_ms)
        name = TrackFile(key.call, key.leg, key.stream, key.track, start_ms)
        try:
            path = name.path(self._folder, files.RAW)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open[key] = _Open(name, path.open("xb"), start_ms)
        except OSError as error:
            self._break(key, error)

    def _write(self, gathered: dict[Key, list[tuple[int, bytes]]]) -> None:
        for key, payloads in gathered.items():
            self._waiting -= sum(len(payload) for _, payload in payloads)
            track = self._open.get(key)
            if track is None:
                continue
            try:
                track.write(payloads)
            except OSError as error:
                self._break(key, error)

    def _break(self, key: Key, error: OSError) -> None:
        """Give a track up; what there is of it stays."""
        if key not in self._broken:
            self._broken.add(key)
            self._log.error(
                "a track is not recorded any further",
                stream=key.stream,
                track=key.track,
                error=str(error),
            )
        track = self._open.pop(key, None)
        if track is not None:
            track.file.close()

    def _end(self, key: Key) -> None:
        self._broken.discard(key)
        track = self._open.pop(key, None)
        if track is None:
            return
        track.file.close()
        self._finisher.submit(self._finish_quietly, track.name)

    def _finish_quietly(self, name: TrackFile) -> None:
        try:
            self._finish(name)
        except OSError as error:
            self._log.error(
                "a recording stays as it is for now", stream=name.stream, error=str(error)
            )
        except Exception:
            self._log.exception("a recording stays as it is", stream=name.stream)
