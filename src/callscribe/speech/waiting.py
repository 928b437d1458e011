"""Streams whose audio waits for room, in the data folder, so that neither a crash nor a restart loses it.

Two files a stream in `waiting/<call>/`, sealed and readable by their owner only: `.fed` is all of its audio since it
began to wait (`backlog`), `.stream` says whose it is and how far it has been decoded. They go as soon as nothing waits
any more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal
from urllib.parse import quote

import msgspec
import structlog

from callscribe import files
from callscribe.events import StreamCounters, Track
from callscribe.sealing import Seal, SealError, opened
from callscribe.speech.backlog import Backlog, records
from callscribe.speech.lane import Amount
from callscribe.speech.stream import DecodingOptions
from callscribe.speech.track import Progress

FOLDER: Final = "waiting"
_log = structlog.get_logger(__name__)


class Rereading(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream's number says of a second reading."""

    reader: str | None = None
    """Whose it is: as the number says; None: the general reader's."""
    words: tuple[str, ...] = ()
    """Names and jargon that are expected."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known of a stream to decode it without its call."""

    call: str
    leg: str
    stream: str
    tracks: tuple[Track, ...]
    speakers: dict[Track, str]
    offset_ms: int
    options: DecodingOptions
    rereading: Rereading = Rereading()
    reason: str = "socket-lost"
    """Why it is over, once it is."""
    counters: StreamCounters = StreamCounters()
    end_ms: int = 0
    progress: dict[Track, Progress] = {}
    """How far its words are published."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Head).decode
_decode_any = msgspec.msgpack.Decoder(dict[str, Any]).decode


def _head(data: bytes) -> Head:
    """What was written, maybe by a version that knew other things of a line: then nothing is known of it.

    Raises:
        ValueError, RecursionError: it is damaged.
    """
    try:
        return _decode(data)
    except msgspec.ValidationError:
        head = _decode_any(data)
        progress = msgspec.convert(head.get("progress"), dict[str, dict[str, Any]])
        bare = {track: {**each, "line": None} for track, each in progress.items()}
        return msgspec.convert(head | {"progress": bare}, Head)


class KeptStream:
    """One stream's files."""

    def __init__(self, folder: Path, head: Head, seal: Seal | None = None) -> None:
        """
        Args:
            seal: makes what is written unreadable for others.
        """
        self.head = head
        self._folder = folder
        self._seal = seal
        self._path = folder / quote(head.stream, safe="")
        self._about = f"{folder.name}/{self._path.name}"

    def audio(self) -> Backlog:
        """Its audio, to be appended to.

        Raises:
            OSError: it cannot be opened.
        """
        return Backlog(self._open(), seal=self._seal, about=self._about)

    def left(self) -> Left:
        """What was left of it, with its audio opened and counted. Blocks, about a second an hour.

        Raises:
            OSError: it cannot be read.
            SealError: it is sealed with another key.
        """
        file = self._open()
        amounts: defaultdict[Track, Amount] = defaultdict(Amount)
        count, end_ms = 0, self.head.end_ms
        try:
            for fed in records(file, self._seal, self._about):
                count += 1
                amount = amounts[fed.track]
                if fed.piece is None:
                    amount.flushes += 1
                else:
                    amount.add(fed.piece)
                    end_ms = max(end_ms, self.head.offset_ms + round(amount.end_ms))
        except BaseException:
            file.close()
            raise
        # A process that died had not noted the end.
        self.head = msgspec.structs.replace(self.head, end_ms=end_ms)
        waits = Backlog(file, records=count, seal=self._seal, about=self._about)
        return Left(self, waits, {track: amounts[track] for track in self.head.tracks})

    def _open(self) -> IO[bytes]:
        path = self._path.with_name(self._path.name + ".fed")
        return os.fdopen(
            os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600),
            "r+b",
            buffering=0,
        )

    def write(self, head: Head) -> None:
        """Keep what is newly known of it.

        Raises:
            OSError: it cannot be written.
        """
        data = _encode(head)
        if self._seal is not None:
            data = self._seal.seal(data, self._about)
        files.write(self._path.with_name(self._path.name + ".stream"), data)
        self.head = head

    def drop(self) -> None:
        """Nothing of it waits any more."""
        for suffix in (".stream", ".fed"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        for folder in (self._folder, self._folder.parent):
            with contextlib.suppress(OSError):
                folder.rmdir()  # when it was the last


@dataclass(frozen=True)
class Left:
    """What a process that is gone left of a stream."""

    kept: KeptStream
    fed: Backlog
    amounts: dict[Track, Amount]


class Waiting:
    """The streams that wait in a data folder."""

    def __init__(self, data: Path, seal: Seal | None = None) -> None:
        """
        Args:
            data: the data folder; `waiting` is made in it when needed.
            seal: makes what waits unreadable for others. Without one nothing that is sealed can be read.
        """
        self._folder = data / FOLDER
        self._seal = seal

    def keep(self, head: Head) -> KeptStream:
        """Files for a stream.

        Raises:
            OSError: they cannot be made.
        """
        folder = self._folder / quote(head.call, safe="")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = KeptStream(folder, head, self._seal)
        kept.write(head)
        return kept

    def left(self) -> list[KeptStream]:
        """What a server that is gone has left, those first that ended first. What cannot be read is logged
        and stays where it is."""
        files.clear_drafts(self._folder)
        found = []
        for path in self._folder.glob("*/*.stream"):
            try:
                newest = path.with_suffix(".fed").stat().st_mtime_ns
                about = f"{path.parent.name}/{path.stem}"
                head = _head(opened(files.read(path), self._seal, about))
            except SealError as error:
                _log.warning(
                    "waiting audio was sealed with another key; it is transcribed once that is given again",
                    file=str(path),
                    error=str(error),
                )
            except (OSError, ValueError, RecursionError) as error:
                _log.warning("waiting audio cannot be used", file=str(path), error=str(error))
            else:
                found.append((newest, KeptStream(path.parent, head, self._seal)))
        return [kept for _, kept in sorted(found, key=lambda each: each[0])]

    def forget(self, call: str, what: Literal["call", "text"] = "call") -> None:
        """The call or its text was deleted (`callscribe.erasure.Keeper`)."""
        shutil.rmtree(self._folder / quote(call, safe=""), ignore_errors=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()
