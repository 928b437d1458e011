"""What is measured: callscribe's own path from media message to final, and its peers on the same samples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import soxr

from benchmarks.conditions import FRAME, Pcm
from benchmarks.sets import RATE
from callscribe.audio import mulaw
from callscribe.events import AnyEvent, FinalTranscript
from callscribe.recognition.base import Recognizer
from callscribe.speech.places import InProcess
from callscribe.speech.pool import DecodePool
from callscribe.speech.session import SessionOptions, StreamSession

LEAD_MS = 300
"""Silence before and after a clip; whole channels bring their own."""


@dataclass(frozen=True)
class Heard:
    """What an engine made of one recording."""

    text: str
    cpu_seconds: float
    words: tuple[tuple[str, float], ...] = ()
    """The recognised words with their confidence, where the engine tells."""


class Engine(Protocol):
    name: str

    def hear(self, pcm: Pcm, arrives: Sequence[bool] | None) -> Heard:
        """Recognise 8 kHz samples; `arrives` says which 20 ms frames come (None: all)."""
        ...


class Callscribe:
    """The product: mu-law frames with timestamps through a real `StreamSession`."""

    def __init__(self, name: str, recognizer: Recognizer) -> None:
        self.name = name
        self._recognizer = recognizer

    def hear(self, pcm: Pcm, arrives: Sequence[bool] | None = None) -> Heard:
        started = time.process_time()
        finals = asyncio.run(transcribe(pcm, self._recognizer, arrives))
        text = " ".join(final.raw_text for final in finals)
        words = tuple((word.text, word.confidence) for final in finals for word in final.words)
        return Heard(text, time.process_time() - started, words)


async def transcribe(
    pcm: Pcm, recognizer: Recognizer, arrives: Sequence[bool] | None = None
) -> list[FinalTranscript]:
    """All finals of one inbound track, fed as fast as it is decoded."""
    finals: list[FinalTranscript] = []

    async def publish(event: AnyEvent) -> None:
        if isinstance(event, FinalTranscript):
            finals.append(event)

    pool = DecodePool([InProcess(recognizer)], threads=1)
    session = StreamSession(
        call="CA" + "0" * 32,
        leg="CA" + "0" * 32,
        stream="MZ" + "0" * 32,
        tracks=("inbound",),
        speakers=lambda track: track,
        offset_ms=0,
        pool=pool,
        publish=publish,
        options=SessionOptions(),
    )
    await session.start()
    payload = mulaw.encode(pcm)
    for number, start in enumerate(range(0, len(payload), FRAME)):
        if arrives is None or arrives[number]:
            session.receive(
                "inbound", LEAD_MS + number * 20, payload[start : start + FRAME], number + 1
            )
        if number % 50 == 0:
            # As a call would: what arrives is decoded before much more comes.
            await asyncio.sleep(0)
            while session.lag_ms("inbound") > 2_000:  # noqa: ASYNC110 - the lag is a number, not an event
                await asyncio.sleep(0.001)
    await session.close("stop")
    await pool.close()
    return finals


class PocketSphinx:
    """CMU PocketSphinx with the model in its package, on samples brought to the 16 kHz it was trained at."""

    name = "pocketsphinx (bundled en-us)"

    def __init__(self) -> None:
        import pocketsphinx

        self._decoder = pocketsphinx.Decoder(samprate=16000, loglevel="FATAL")

    def hear(self, pcm: Pcm, arrives: Sequence[bool] | None = None) -> Heard:
        started = time.process_time()
        if arrives is not None:
            pcm = pcm.copy()
            for number, there in enumerate(arrives):
                if not there:
                    pcm[number * FRAME : (number + 1) * FRAME] = 0
        wide = soxr.resample(mulaw.decode(mulaw.encode(pcm)), RATE, 16000)
        self._decoder.start_utt()
        self._decoder.process_raw(wide.tobytes(), full_utt=True)
        self._decoder.end_utt()
        hypothesis = self._decoder.hyp()
        words = hypothesis.hypstr if hypothesis else ""
        return Heard(words, time.process_time() - started)


def built_in_or(model: str) -> tuple[str, Path]:
    """Name and folder of `model`, or of the built-in one when it is empty."""
    from callscribe.models.folder import resolve

    folder = resolve(model)
    return folder.name, folder.path
