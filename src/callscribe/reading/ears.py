"""Keeps the last seconds of every live track, so that an utterance's sound can be cut out once it is over."""

from __future__ import annotations

from collections import deque
from typing import Final

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.events import Track
from callscribe.speech.tap import TrackKey

KEPT_MS: Final = 150_000
"""Sound kept of a track: the longest utterance that settings allow, and some for decoding that is behind."""
_SILENCE: Final = 0xFF
"""mu-law for no sound."""


class Ears:
    """A listener (`callscribe.speech.tap.Listener`) on all tracks. Event loop only."""

    def __init__(self, kept_ms: int = KEPT_MS) -> None:
        self._kept_ms = kept_ms
        self._tracks: dict[TrackKey, deque[tuple[int, bytes]]] = {}
        self._closed: dict[str, list[TrackKey]] = {}

    def opened(self, key: TrackKey, offset_ms: int) -> None:
        self._tracks[key] = deque()

    def placed(self, key: TrackKey, at_ms: int, payload: bytes) -> None:
        heard = self._tracks[key]
        heard.append((at_ms, payload))
        while heard[0][0] < at_ms - self._kept_ms:
            heard.popleft()

    def closed(self, key: TrackKey) -> None:
        # Its last utterances may still be on their way: forgotten with the call.
        self._closed.setdefault(key.call, []).append(key)

    def forget(self, call: str) -> None:
        """Nothing more will be asked of this call's tracks that are closed."""
        for key in self._closed.pop(call, ()):
            self._tracks.pop(key, None)

    def knows(self, call: str) -> bool:
        """Whether any of this call's tracks is, or was, listened to."""
        return call in self._closed or any(key.call == call for key in self._tracks)

    def now_ms(self, call: str, leg: str = "", track: Track | None = None) -> int | None:
        """The newest moment of which sound has come, on the record's line; None when none has.

        Args:
            leg: of this leg alone...
            track: ...and this track.
        """
        ends = [
            heard[-1][0] + len(heard[-1][1]) // SAMPLES_PER_MS
            for key, heard in self._tracks.items()
            if heard and key.call == call and leg in ("", key.leg) and track in (None, key.track)
        ]
        return max(ends, default=None)

    def cut(self, call: str, leg: str, track: Track, start_ms: int, end_ms: int) -> bytes:
        """The sound of a stretch of the record's line, mu-law at 8000 Hz; holes are silence.

        Empty when nothing was heard there, or it is too long ago.
        """
        length = (end_ms - start_ms) * SAMPLES_PER_MS
        if length <= 0:
            return b""
        cut = bytearray([_SILENCE]) * length
        found = False
        for key, heard in self._tracks.items():
            if (key.call, key.leg, key.track) != (call, leg, track):
                continue
            for at_ms, payload in heard:
                at = (at_ms - start_ms) * SAMPLES_PER_MS
                first, last = max(0, at), min(length, at + len(payload))
                if first < last:
                    cut[first:last] = payload[first - at : last - at]
                    found = True
        return bytes(cut) if found else b""
