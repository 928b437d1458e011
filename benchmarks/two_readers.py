"""Calls through both readers as the product does it: real `StreamSession`s, the sound cut by the tap, read again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.conditions import FRAME, Pcm
from benchmarks.engines import LEAD_MS
from callscribe.audio import mulaw
from callscribe.events import AnyEvent, FinalTranscript, Track
from callscribe.reading.ears import Ears
from callscribe.reading.excerpts import context, stretch
from callscribe.reading.judge import best_words, better
from callscribe.recognition.base import Excerpt, Reader, Reading, Recognizer
from callscribe.speech.places import InProcess
from callscribe.speech.pool import DecodePool
from callscribe.speech.session import SessionOptions, StreamSession

CALL = "CA" + "0" * 32


@dataclass
class Read:
    """One utterance."""

    first: FinalTranscript
    at_ms: int
    """Where its sound begins."""
    sound: bytes
    second: Reading = field(default_factory=Reading)
    """By itself, as soon as it was over."""
    settled: Reading = field(default_factory=Reading)
    """What stands of that and of the reading in windows after the call."""


@dataclass
class ReadCall:
    """One call, with the processor seconds that each part took."""

    utterances: list[Read]
    first_s: float = 0.0
    second_s: float = 0.0
    windows_s: float = 0.0


def read_call(
    tracks: Mapping[Track, Pcm],
    recognizer: Recognizer,
    reader: Reader,
    arrives: Sequence[bool] | None = None,
) -> ReadCall:
    """All readings of a call of one or two tracks (8 kHz, begun at the same moment)."""
    began = time.process_time()
    utterances = asyncio.run(_listen(tracks, recognizer, arrives))
    call = ReadCall(utterances, first_s=time.process_time() - began)
    began = time.process_time()
    for number, said in enumerate(utterances):
        before = [
            (
                earlier.first.start_ms,
                len(earlier.sound) // 8,
                Excerpt(mulaw.decode(earlier.sound), earlier.second.text),
            )
            for earlier in utterances[:number]
            if earlier.second.words
        ]
        said.second = reader.read(
            Excerpt(mulaw.decode(said.sound)), context(before, said.first.start_ms)
        )
    call.second_s = time.process_time() - began
    began = time.process_time()
    _read_in_windows(utterances, reader)
    call.windows_s = time.process_time() - began
    return call


def _read_in_windows(utterances: Sequence[Read], reader: Reader) -> None:
    kept = [said for said in utterances if best_words(said.first, said.second, said.at_ms)]
    found = reader.read_together([Excerpt(mulaw.decode(said.sound)) for said in kept])
    for said in utterances:
        said.settled = said.second
    for said, reading in zip(kept, found, strict=True):
        if len(kept) > 1 and better(said.second, reading, apart=False):
            said.settled = reading


async def _listen(
    tracks: Mapping[Track, Pcm], recognizer: Recognizer, arrives: Sequence[bool] | None
) -> list[Read]:
    found: list[Read] = []
    ears = Ears()

    async def publish(event: AnyEvent) -> None:
        if isinstance(event, FinalTranscript):
            place = stretch(event, (said.first for said in found))
            sound = ears.cut(CALL, CALL, event.track, place.start_ms, place.end_ms)
            found.append(Read(event, place.start_ms, sound))

    pool = DecodePool([InProcess(recognizer)], threads=1)
    session = StreamSession(
        call=CALL,
        leg=CALL,
        stream="MZ" + "0" * 32,
        tracks=tuple(tracks),
        speakers=lambda track: track,
        offset_ms=0,
        pool=pool,
        publish=publish,
        options=SessionOptions(),
        listeners=(ears,),
    )
    await session.start()
    payloads = {track: mulaw.encode(pcm) for track, pcm in tracks.items()}
    frames = -(-max(len(payload) for payload in payloads.values()) // FRAME)
    for number in range(frames):
        for track, payload in payloads.items():
            frame = payload[number * FRAME : (number + 1) * FRAME]
            if frame and (arrives is None or arrives[number]):
                session.receive(track, LEAD_MS + number * 20, frame, number + 1)
        if number % 25 == 0:
            # As a call would: what arrives is decoded before much more comes.
            await asyncio.sleep(0)
            while any(session.lag_ms(track) > 1_000 for track in tracks):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
    await session.close("stop")
    await pool.close()
    return found


def silence(seconds: float) -> Pcm:
    """No sound at all."""
    return np.zeros(int(seconds * 8000), np.int16)
