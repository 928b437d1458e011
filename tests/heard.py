"""What the built-in model hears in the messages that the simulated carrier sent, all at once, without a server."""

from __future__ import annotations

import contextlib
import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import callscribe
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.simulator.stream import MediaStream
from callscribe.speech.holes import Holes
from callscribe.speech.intake import Intake
from callscribe.speech.recovery import RecoveringDecoder
from callscribe.speech.session import SessionOptions
from callscribe.speech.stream import DecodingOptions, Fed
from callscribe.speech.tap import Tap, TrackKey
from callscribe.speech.worker import Made
from callscribe.speech.workers import Workers

MODEL = Path(callscribe.__file__).parent / "models" / "phone-en"


class Message(NamedTuple):
    """One of media, as it was sent."""

    track: Track
    timestamp_ms: int
    payload: bytes
    chunk: int


class Timed(NamedTuple):
    """A word, with its times on the record's line."""

    text: str
    start_ms: int
    end_ms: int


@contextlib.contextmanager
def overheard(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[Message]]]:
    """The media messages that simulated streams send, by stream SID, in their order."""
    sent: dict[str, list[Message]] = {}
    send = MediaStream._send

    async def listen(self: MediaStream, socket: Any, text: str, *, always: bool = False) -> None:
        message = json.loads(text)
        if message["event"] == "media":
            media = message["media"]
            sent.setdefault(message["streamSid"], []).append(
                Message(
                    media["track"],
                    int(media["timestamp"]),
                    b64decode(media["payload"]),
                    int(media["chunk"]),
                )
            )
        await send(self, socket, text, always=always)

    with monkeypatch.context() as patched:
        patched.setattr(MediaStream, "_send", listen)
        yield sent


def words(events: list[dict[str, Any]]) -> list[Timed]:
    """Those of finals, as the server tells them."""
    return [
        Timed(word["text"], word["start_ms"], word["end_ms"])
        for event in events
        for word in event["words"]
    ]


class Listener:
    """A recogniser in a process of its own, as the server has them."""

    def __init__(self) -> None:
        # Without a writer: the words stay as they were recognised.
        made = Made(partial(VoskRecognizer, MODEL), partial(json.loads, "null"))
        self._workers = Workers(made, 1)
        self._workers.start()
        self._streams = 0

    def hear(self, sent: list[Message], offset_ms: int) -> Mapping[Track, list[Timed]]:
        """The words of a stream's tracks, in order.

        Args:
            offset_ms: of the stream, on the record's line.
        """
        self._streams += 1
        (place,) = self._workers.places
        decoder = RecoveringDecoder(place, self._streams, DecodingOptions())
        found, failed = decoder.decode(placed(sent), partials=False)
        decoder.close()
        assert not failed
        heard: dict[Track, list[Timed]] = {"inbound": [], "outbound": []}
        for each in found:
            if each.utterance.final:
                heard[each.track] += [
                    Timed(word.text, word.start_ms + offset_ms, word.end_ms + offset_ms)
                    for word in each.utterance.words
                ]
        return heard

    def close(self) -> None:
        self._workers.close()


def placed(sent: Iterable[tuple[Track, int, bytes, int]]) -> list[Fed]:
    """A stream's messages where they belong on its tracks' lines, to the end.

    Args:
        sent: track, timestamp, payload, chunk (a `Message`), as they arrive.
    """
    fed: list[Fed] = []

    class Lane:
        def put(self, track: Track, piece: Piece) -> bool:
            fed.append(Fed(track, piece))
            return True

        def flush(self, track: Track) -> None:
            fed.append(Fed(track, None))

    options = SessionOptions()
    holes = Holes(shortest_gap_ms=options.shortest_gap_ms)
    tracks: tuple[Track, ...] = ("inbound", "outbound")
    intakes = {
        track: Intake(
            track,
            Lane(),
            tap=Tap(TrackKey("CA", "CA", "MZ", track), (), 0),
            holes=holes,
            tell_gap=lambda hole, reason: None,
            reorder_window_ms=options.reorder_window_ms,
            held_back_ms=options.held_back_ms,
        )
        for track in tracks
    }
    for track, timestamp_ms, payload, chunk in sent:
        intakes[track].receive(timestamp_ms, payload, chunk)
    for intake in intakes.values():
        intake.flush()
    return fed
