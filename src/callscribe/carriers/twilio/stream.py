"""The media protocol as a sans-I/O state machine: text frames in, typed events out.

    stream = MediaStream()
    for event in stream.receive_text(frame):
        ...

`MediaStream` owns the position in the protocol and nothing else: no socket, no clock, no audio. The shell that owns
the socket closes it with the code and the reason of the `ProtocolError` that is raised for malformed input; a socket
that closes without `stop` is the shell's to handle, since no message says so.

Facts are from Twilio's documentation, "Media Streams - WebSocket Messages", unless a comment says otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Literal

import msgspec

from callscribe.errors import ProtocolError
from callscribe.events import Track

MAX_MESSAGE_CHARS = 256 * 1024
"""Longest frame accepted. A usual media message has about 400 characters (20 ms); this is over 20 s of audio."""

MAX_TIMESTAMP_MS = 7 * 24 * 3600 * 1000
"""Latest `timestamp` believed. A call lasts at most 4 hours by default and 24 at most."""

MAX_ID_CHARS = 128


class Connected(msgspec.Struct, frozen=True):
    """The first message; says nothing about the call."""

    protocol: str
    version: str


class Started(msgspec.Struct, frozen=True):
    """The stream's own description; comes once, before any audio."""

    stream_sid: str
    call_sid: str
    """The leg whose audio this is."""
    account_sid: str
    tracks: tuple[Track, ...]
    parameters: dict[str, str]
    """What the TwiML's `<Parameter>` elements gave."""


class Media(msgspec.Struct, frozen=True, gc=False):
    """A piece of one track."""

    track: Track
    timestamp_ms: int
    """Milliseconds since the stream began, one epoch for both tracks."""
    payload: bytes
    """G.711 mu-law at 8000 Hz, mono, one byte a sample; any length but never empty."""
    chunk: int | None
    """Counts the track's media messages from 1; None when the peer does not number them."""


class Dtmf(msgspec.Struct, frozen=True):
    """A key was pressed. Only bidirectional streams carry these."""

    track: Track
    digit: str


class Mark(msgspec.Struct, frozen=True):
    """Audio that was sent before the mark of this name has been played."""

    name: str


class Stopped(msgspec.Struct, frozen=True):
    """The carrier ended the stream; it closes the socket next."""

    call_sid: str


MediaEvent = Connected | Started | Media | Dtmf | Mark | Stopped


class State(enum.Enum):
    """Where in the protocol a stream is."""

    OPENING = "opening"
    CONNECTED = "connected"
    STREAMING = "streaming"
    STOPPED = "stopped"


_TrackName = Literal["inbound", "outbound", "inbound_track", "outbound_track"]
_TRACKS: dict[str, Track] = {
    "inbound": "inbound",
    "outbound": "outbound",
    # `dtmf` names its track with the suffix, and look-alike carriers do so elsewhere.
    "inbound_track": "inbound",
    "outbound_track": "outbound",
}

_Counter = int | float | str
"""Twilio sends counters as strings; carriers that speak the same protocol send numbers."""


class _Media(msgspec.Struct, gc=False):
    payload: bytes  # msgspec decodes base64
    timestamp: _Counter
    track: _TrackName = "inbound"
    chunk: _Counter | None = None


class _Format(msgspec.Struct):
    encoding: str = "audio/x-mulaw"
    sampleRate: _Counter = 8000
    channels: _Counter = 1


class _Start(msgspec.Struct):
    callSid: str
    streamSid: str = ""
    accountSid: str = ""
    tracks: tuple[_TrackName, ...] = ("inbound",)
    mediaFormat: _Format | None = None
    customParameters: dict[str, str | int | float | bool | None] | None = None


class _Dtmf(msgspec.Struct):
    digit: str
    track: _TrackName = "inbound"


class _Mark(msgspec.Struct):
    name: str = ""


class _Stop(msgspec.Struct):
    callSid: str = ""


class _Message(msgspec.Struct):
    event: str
    streamSid: str = ""
    media: _Media | None = None
    start: _Start | None = None
    dtmf: _Dtmf | None = None
    mark: _Mark | None = None
    stop: _Stop | None = None
    protocol: str = ""
    version: str = ""


class _Head(msgspec.Struct):
    event: str


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_head = msgspec.json.Decoder(_Head).decode

_KNOWN = frozenset({"connected", "start", "media", "dtmf", "mark", "stop"})
_MULAW = frozenset({"audio/x-mulaw", "audio/mulaw", "audio/pcmu", "pcmu", "mulaw"})


class MediaStream:
    """One media socket's place in the protocol. Feed it every text frame, in order."""

    def __init__(self, *, max_message_chars: int = MAX_MESSAGE_CHARS) -> None:
        self.state = State.OPENING
        self.started: Started | None = None
        """The stream's description, once `start` has come."""
        self.ignored = 0
        """Messages passed over: unknown events, media of a track not announced, anything after `stop`."""
        self._max_message_chars = max_message_chars

    def receive_text(self, text: str | bytes) -> Sequence[MediaEvent]:
        """Take one text frame.

        Returns:
            The events it means, none when the message is to be ignored.

        Raises:
            ProtocolError: the frame is no message of this protocol, or comes out of turn. The stream is of no use
                afterwards; `close_code` is the one to close the socket with.
        """
        if len(text) > self._max_message_chars:
            raise ProtocolError(
                f"message of {len(text)} characters; the limit is {self._max_message_chars}",
                close_code=1009,
            )
        message = _decode(text)
        if message is None:
            self.ignored += 1
            return ()
        event = message.event
        if self.state is State.STREAMING:
            if event == "media":  # the hot path: 50 a second and track
                return self._media(message)
            if event == "start":
                raise ProtocolError("a second 'start'; a stream starts once")
        if self.state is State.STOPPED or event not in _KNOWN:
            self.ignored += 1
            return ()
        if event == "connected":
            if self.state is not State.OPENING:
                raise ProtocolError(f"'connected' came again while {self.state.value}")
            self.state = State.CONNECTED
            return (Connected(message.protocol[:MAX_ID_CHARS], message.version[:MAX_ID_CHARS]),)
        if event == "start":
            return self._start(message)
        if self.state is not State.STREAMING:
            raise ProtocolError(f"'{event}' before 'start'")
        self._check_stream(message)
        if event == "dtmf":
            if message.dtmf is None or not 0 < len(message.dtmf.digit) <= 8:
                raise ProtocolError("'dtmf' without a digit")
            return (Dtmf(_TRACKS[message.dtmf.track], message.dtmf.digit),)
        if event == "mark":
            return (Mark(message.mark.name[:MAX_ID_CHARS] if message.mark else ""),)
        self.state = State.STOPPED
        return (Stopped(message.stop.callSid[:MAX_ID_CHARS] if message.stop else ""),)

    def _start(self, message: _Message) -> Sequence[MediaEvent]:
        start = message.start
        if start is None:
            raise ProtocolError("'start' without its 'start' object")
        stream_sid = start.streamSid or message.streamSid
        for name, value in (("callSid", start.callSid), ("streamSid", stream_sid)):
            if not value or len(value) > MAX_ID_CHARS or not value.isprintable():
                raise ProtocolError(f"'start' has no usable {name}")
        if message.streamSid and start.streamSid and message.streamSid != start.streamSid:
            raise ProtocolError("'start' names two different streams", close_code=1008)
        _check_format(start.mediaFormat or _Format())
        tracks = tuple(dict.fromkeys(_TRACKS[name] for name in start.tracks))
        if not tracks:
            raise ProtocolError("'start' announces no track")
        parameters = {
            name: value if isinstance(value, str) else str(value)
            for name, value in (start.customParameters or {}).items()
        }
        self.started = Started(
            stream_sid=stream_sid,
            call_sid=start.callSid,
            account_sid=start.accountSid[:MAX_ID_CHARS],
            tracks=tracks,
            parameters=parameters,
        )
        self.state = State.STREAMING
        return (self.started,)

    def _media(self, message: _Message) -> Sequence[MediaEvent]:
        media = message.media
        if media is None:
            raise ProtocolError("'media' without its 'media' object")
        assert self.started is not None
        if message.streamSid != self.started.stream_sid:
            self._check_stream(message)
        timestamp_ms = _counter(media.timestamp, "media.timestamp")
        if timestamp_ms > MAX_TIMESTAMP_MS:
            raise ProtocolError(f"media.timestamp {timestamp_ms} ms is more than a week")
        chunk = None if media.chunk is None else _counter(media.chunk, "media.chunk")
        track = _TRACKS[media.track]
        if track not in self.started.tracks:
            self.ignored += 1
            return ()
        if not media.payload:
            return ()
        return (Media(track, timestamp_ms, media.payload, chunk),)

    def _check_stream(self, message: _Message) -> None:
        if message.streamSid and self.started and message.streamSid != self.started.stream_sid:
            raise ProtocolError(
                f"'{message.event}' belongs to another stream than this socket's", close_code=1008
            )


def _decode(text: str | bytes) -> _Message | None:
    """The message; None when its event is one we do not know, whatever else is in it."""
    try:
        return _decode_message(text)
    except msgspec.ValidationError as error:
        try:
            event = _decode_head(text).event
        except msgspec.ValidationError:
            raise ProtocolError(
                "expected a JSON object with a string 'event'", close_code=1003
            ) from None
        except (msgspec.DecodeError, ValueError, RecursionError):
            raise _not_json(error) from None
        if event not in _KNOWN:
            return None
        raise ProtocolError(f"malformed '{event}' message: {error}") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _not_json(error) from None


def _not_json(error: Exception) -> ProtocolError:
    return ProtocolError(f"not a JSON message: {error}"[:200], close_code=1003)


def _counter(value: _Counter, name: str) -> int:
    if type(value) is str:
        if 0 < len(value) <= 20 and value.isascii() and value.isdigit():
            return int(value)
    elif value >= 0 and value == value // 1 and value < 1 << 63:  # type: ignore[operator]
        return int(value)
    raise ProtocolError(f"{name} is not a whole number: {str(value)[:40]!r}")


def _check_format(form: _Format) -> None:
    encoding = form.encoding.lower()
    rate = _counter(form.sampleRate, "start.mediaFormat.sampleRate")
    channels = _counter(form.channels, "start.mediaFormat.channels")
    if encoding not in _MULAW or rate != 8000 or channels != 1:
        raise ProtocolError(
            f"unsupported media format {form.encoding[:40]!r} at {rate} Hz with {channels} channel(s); "
            "callscribe takes audio/x-mulaw at 8000 Hz with 1 channel",
            close_code=1003,
        )
