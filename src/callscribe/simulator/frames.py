"""The messages of one media stream and when each is sent: pure, reproducible from its random source.

Source: Twilio docs, "Media Streams - WebSocket Messages"; counters and timestamps behave as in captured traffic.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

TrackName = Literal["inbound", "outbound"]

FRAME_MS = 20
"""The carrier sends 20 ms of audio, 160 bytes, in a message."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong between the carrier and the server. The default is a good line."""

    jitter_ms: float = 0.0
    """Messages arrive up to this much late, in order."""
    reorder: float = 0.0
    """Share of media messages that arrive one to three places late."""
    loss: float = 0.0
    """Share of media messages that never arrive."""
    duplicate: float = 0.0
    """Share of media messages that arrive twice."""
    stall_at_s: float = 0.0
    stall_s: float = 0.0
    """For this long from `stall_at_s` of the stream on nothing arrives; then all of it at once."""
    frame_ms: int = FRAME_MS
    """Audio in one message; other carriers and proxies send more than 20 ms."""
    no_stop: bool = False
    """The socket is closed without a `stop` message."""
    abrupt_close: bool = False
    """The connection breaks off at the end: no `stop`, no closing handshake."""
    abrupt_close_at_s: float | None = None
    """The connection breaks off at this moment of the stream."""

    def __post_init__(self) -> None:
        for name in ("reorder", "loss", "duplicate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share from 0 to 1, not {getattr(self, name)}")
        if self.jitter_ms < 0 or self.stall_s < 0 or self.stall_at_s < 0:
            raise ValueError("times cannot be negative")
        if self.frame_ms < FRAME_MS or self.frame_ms % FRAME_MS:
            raise ValueError(f"frame_ms must be a multiple of {FRAME_MS}, not {self.frame_ms}")


@dataclass(frozen=True)
class Due:
    """A message and when it is sent, in milliseconds since the stream began. Non-decreasing in a stream."""

    at_ms: float
    text: str


@dataclass
class FrameCounters:
    """What happened to one track's audio on its way."""

    frames: int = 0
    """Media messages handed to the socket, repeated ones not counted."""
    bytes: int = 0
    """Audio bytes in them."""
    lost: int = 0
    reordered: int = 0
    duplicated: int = 0

    @property
    def seconds(self) -> float:
        return self.bytes / 8000


class MediaSchedule:
    """Turns slots of audio into numbered, timed messages, faults included.

    Args:
        tracks: the tracks of the stream, in the order of `start.tracks`.
        parameters: the custom parameters of the stream.
        rng: decides jitter and faults.
        first_timestamp_ms: what the first message carries; real streams start at about 155, not at 0.
    """

    def __init__(
        self,
        *,
        account_sid: str,
        call_sid: str,
        stream_sid: str,
        tracks: Sequence[TrackName],
        parameters: Mapping[str, str],
        rng: random.Random,
        faults: Faults,
        first_timestamp_ms: int,
    ) -> None:
        self.tracks = tuple(tracks)
        self.counters: dict[TrackName, FrameCounters] = {t: FrameCounters() for t in tracks}
        self.first_timestamp_ms = first_timestamp_ms
        self._ids = {"accountSid": account_sid, "streamSid": stream_sid, "callSid": call_sid}
        self._stream_sid = stream_sid
        self._parameters = dict(parameters)
        self._rng = rng
        self._faults = faults
        self._sequence = 0
        self._chunks: dict[TrackName, int] = dict.fromkeys(tracks, 0)
        self._stamps: dict[TrackName, int] = dict.fromkeys(tracks, -1)
        self._held: list[tuple[int, str]] = []
        self._last_due = 0.0

    def opening(self) -> list[str]:
        """`connected` and `start`."""
        start = {
            "event": "start",
            "sequenceNumber": self._next_sequence(),
            "start": {
                **self._ids,
                "tracks": list(self.tracks),
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": self._parameters,
            },
            "streamSid": self._stream_sid,
        }
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        return [_dump(connected), _dump(start)]

    def slot(self, index: int, audio: Mapping[TrackName, bytes | None]) -> list[Due]:
        """The messages for the audio of [index * frame_ms, (index + 1) * frame_ms), to be sent when it has been heard.

        Args:
            audio: per track; None when there is nothing on it in this slot.
        """
        faults = self._faults
        heard_at = (index + 1) * faults.frame_ms
        messages: list[str] = []
        for track in self.tracks:
            payload = audio.get(track)
            if payload is None:
                continue
            text = self._media(track, index * faults.frame_ms, payload)
            counters = self.counters[track]
            if faults.loss and self._rng.random() < faults.loss:
                counters.lost += 1
                continue
            counters.frames += 1
            counters.bytes += len(payload)
            if faults.reorder and self._rng.random() < faults.reorder:
                counters.reordered += 1
                messages += self._overtaken()
                self._held.append((self._rng.randint(1, 3), text))
                continue
            messages.append(text)
            if faults.duplicate and self._rng.random() < faults.duplicate:
                counters.duplicated += 1
                messages.append(text)
            messages += self._overtaken()
        return [Due(self._due(heard_at), text) for text in messages]

    def closing(self, index: int) -> list[Due]:
        """Whatever is still under way, then `stop` unless faults say otherwise."""
        messages = [text for _, text in self._held]
        self._held.clear()
        if not self._faults.no_stop and not self._faults.abrupt_close:
            messages.append(
                _dump(
                    {
                        "event": "stop",
                        "sequenceNumber": self._next_sequence(),
                        "streamSid": self._stream_sid,
                        "stop": {
                            "accountSid": self._ids["accountSid"],
                            "callSid": self._ids["callSid"],
                        },
                    }
                )
            )
        return [Due(self._due(index * self._faults.frame_ms), text) for text in messages]

    def _media(self, track: TrackName, offset_ms: int, payload: bytes) -> str:
        self._chunks[track] += 1
        stamp = self.first_timestamp_ms + offset_ms + self._rng.choice((-1, 0, 0, 0, 1))
        stamp += 0 if track == "inbound" else 3
        self._stamps[track] = stamp = max(stamp, self._stamps[track] + 1)
        # Written out, not dumped: hundreds of calls send a hundred of these a second each.
        return (
            f'{{"event":"media","sequenceNumber":"{self._next_sequence()}","media":{{"track":"{track}",'
            f'"chunk":"{self._chunks[track]}","timestamp":"{stamp}",'
            f'"payload":"{base64.b64encode(payload).decode()}"}},"streamSid":"{self._stream_sid}"}}'
        )

    def _next_sequence(self) -> str:
        self._sequence += 1
        return str(self._sequence)

    def _overtaken(self) -> list[str]:
        waiting = [(places - 1, text) for places, text in self._held]
        self._held = [(places, text) for places, text in waiting if places > 0]
        return [text for places, text in waiting if places <= 0]

    def _due(self, at_ms: float) -> float:
        faults = self._faults
        if faults.jitter_ms:
            at_ms += self._rng.uniform(0, faults.jitter_ms)
        stall_end = (faults.stall_at_s + faults.stall_s) * 1000
        if faults.stall_at_s * 1000 <= at_ms < stall_end:
            at_ms = stall_end
        self._last_due = max(self._last_due, at_ms)
        return self._last_due


def _dump(message: object) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)
