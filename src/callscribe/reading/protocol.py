"""What the server and the reader's process say to each other: msgpack, each message behind its length (4 bytes)."""

from __future__ import annotations

from typing import Final

import msgspec

from callscribe.recognition.base import Reading

LENGTH_BYTES: Final = 4
LONGEST: Final = 64 << 20


class Sound(msgspec.Struct, frozen=True, array_like=True):
    """An excerpt on its way."""

    mulaw: bytes
    text: str = ""


class Read(msgspec.Struct, frozen=True, kw_only=True, tag="read"):
    """Read one utterance with what was said before it."""

    new: Sound
    before: tuple[Sound, ...] = ()
    hints: tuple[str, ...] = ()
    language: str = ""
    brief: bool = False
    """Others wait."""


class ReadTogether(msgspec.Struct, frozen=True, kw_only=True, tag="together"):
    """Read several utterances in full windows."""

    excerpts: tuple[Sound, ...]
    hints: tuple[str, ...] = ()
    language: str = ""


Request = Read | ReadTogether


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The model is loaded."""

    name: str
    language: str
    window_ms: int
    window_s: float
    """Processor time that one full window takes, measured at the start."""


class Readings(msgspec.Struct, frozen=True, kw_only=True, tag="readings"):
    """One for each excerpt."""

    readings: tuple[Reading, ...]
    cpu_s: float


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """It could not be done; the process goes on, unless it was the model that could not be loaded."""

    message: str


Answer = Ready | Readings | Failed

_encoder = msgspec.msgpack.Encoder()
request_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
answer_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def frame(message: Request | Answer) -> bytes:
    """A message with its length before it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
