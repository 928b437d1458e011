"""A session wired to a list instead of a journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from callscribe.audio import mulaw
from callscribe.audio.mulaw import SAMPLES_PER_MS, Pcm
from callscribe.events import AnyEvent, Event, Track
from callscribe.recognition.base import Recognizer
from callscribe.speech.lane import PORTION
from callscribe.speech.places import InProcess
from callscribe.speech.pool import DecodePool
from callscribe.speech.session import SessionOptions, StreamSession

E = TypeVar("E", bound=Event)
FRAME = 160
SILENCE = b"\xff" * FRAME
FIRST_MS = 155


class Recorded:
    """A session and all that it published."""

    def __init__(self, session: StreamSession, events: list[AnyEvent]) -> None:
        self.session = session
        self.events = events
        self.sent: dict[Track, int] = {"inbound": 0, "outbound": 0}

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def feed(
        self,
        audio: bytes,
        track: Track = "inbound",
        *,
        first_ms: int = FIRST_MS,
        chunks: bool = True,
    ) -> None:
        """20 ms frames, following on what was fed before."""
        for at in range(0, len(audio), FRAME):
            number = self.sent[track]
            self.session.receive(
                track,
                first_ms + number * 20,
                audio[at : at + FRAME],
                number + 1 if chunks else None,
            )
            self.sent[track] += 1

    def silence(self, ms: int, track: Track = "inbound") -> None:
        self.feed(SILENCE * (ms // 20), track)

    def lose(self, ms: int, track: Track = "inbound") -> None:
        self.sent[track] += ms // 20

    async def caught_up(self) -> None:
        least_ms = PORTION // SAMPLES_PER_MS
        while any(self.session.lag_ms(t) >= least_ms for t in self.session.tracks):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.01)


OpenSession = Callable[..., Awaitable[Recorded]]


@pytest.fixture
async def open_session() -> AsyncIterator[OpenSession]:
    opened: list[StreamSession] = []
    pools: dict[int, DecodePool] = {}

    async def open_session(
        recognizer: Recognizer,
        *,
        tracks: Sequence[Track] = ("inbound", "outbound"),
        options: SessionOptions | None = None,
        stream: str = "MZ1",
        offset_ms: int = 0,
        publish: Callable[[AnyEvent], Awaitable[None]] | None = None,
        capacity: int = 0,
        start: bool = True,
        **more: object,
    ) -> Recorded:
        events: list[AnyEvent] = []

        async def keep(event: AnyEvent) -> None:
            events.append(event)
            if publish is not None:
                await publish(event)

        pool = pools.get(id(recognizer))
        if pool is None:
            places = [InProcess(recognizer)]
            pool = pools[id(recognizer)] = DecodePool(places, threads=2, capacity=capacity)
        session = StreamSession(
            call="CA1",
            leg="CA1",
            stream=stream,
            tracks=tracks,
            speakers={"inbound": "Caller", "outbound": "Agent"}.__getitem__,
            offset_ms=offset_ms,
            pool=pool,
            publish=keep,
            options=options or SessionOptions(),
            **more,  # type: ignore[arg-type]
        )
        opened.append(session)
        if start:
            await session.start()
        return Recorded(session, events)

    yield open_session
    for session in opened:
        await session.close("stop")
        await session.finished()
    for pool in pools.values():
        await pool.close()


def to_frames(pcm: Pcm) -> bytes:
    """mu-law, a whole number of frames."""
    payload = mulaw.encode(pcm)
    return payload + SILENCE[: -len(payload) % FRAME]
