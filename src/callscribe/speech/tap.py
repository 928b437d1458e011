"""Who else wants a track's audio: a recording, a second reader.

Listeners get every piece as soon as it has its place on the line, before anything is decoded and whether or not it
ever is. What they get is the very bytes that are queued for decoding. Event loop only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog

from callscribe.events import Track

_log = structlog.get_logger(__name__)


class TrackKey(msgspec.Struct, frozen=True):
    """Which track, of all there ever were."""

    call: str
    """The record."""
    leg: str
    """Call SID of the leg whose stream this is."""
    stream: str
    """Stream SID."""
    track: Track


class Listener(Protocol):
    """Wants the audio of tracks. Called on the event loop, in order; must not block."""

    def opened(self, key: TrackKey, offset_ms: int) -> None:
        """A track begins.

        Args:
            offset_ms: where its stream's zero lies on the record's line.
        """
        ...

    def placed(self, key: TrackKey, at_ms: int, payload: bytes) -> None:
        """Audio in its place: never earlier than what came before, with a hole where the carrier lost something, the
        track paused or recognition was paused. Audio of a party that has not answered yet comes too.

        Args:
            at_ms: of the first sample, on the record's line.
            payload: mu-law, 8000 samples a second, any length. Shared by all who listen.
        """
        ...

    def closed(self, key: TrackKey) -> None:
        """Nothing more comes of this track."""
        ...


class Tap:
    """One track's listeners. One that raises is told that the track is closed; the others and decoding go on."""

    def __init__(self, key: TrackKey, listeners: Sequence[Listener], offset_ms: int) -> None:
        """
        Args:
            offset_ms: where the stream's zero lies on the record's line.
        """
        self._key = key
        self._offset_ms = offset_ms
        self._listeners = tuple(listeners)

    def open(self) -> None:
        """Tell that the track begins. Once, before anything is placed."""
        for listener in self._listeners:
            try:
                listener.opened(self._key, self._offset_ms)
            except Exception:
                self._lose(listener)

    def place(self, clock_ms: float, payload: bytes) -> None:
        """Tell of audio.

        Args:
            clock_ms: of its first sample, on the carrier's clock of the stream.
        """
        if not self._listeners:
            return
        at_ms = self._offset_ms + round(clock_ms)
        for listener in self._listeners:
            try:
                listener.placed(self._key, at_ms, payload)
            except Exception:
                self._lose(listener)

    def close(self) -> None:
        """Tell that nothing more comes. Idempotent."""
        listeners, self._listeners = self._listeners, ()
        for listener in listeners:
            self._tell_closed(listener)

    def _lose(self, listener: Listener) -> None:
        _log.exception(
            "a listener failed and gets no more of this track",
            stream=self._key.stream,
            track=self._key.track,
            listener=type(listener).__name__,
        )
        self._listeners = tuple(other for other in self._listeners if other is not listener)
        self._tell_closed(listener)

    def _tell_closed(self, listener: Listener) -> None:
        try:
            listener.closed(self._key)
        except Exception:
            _log.exception("a listener failed at a track's end", listener=type(listener).__name__)
