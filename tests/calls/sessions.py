"""Stand-ins for what the shell around the calls works with, for tests that go over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from callscribe.calls.plans import NumberFlow
from callscribe.calls.setup import RegistryOptions
from callscribe.events import (
    AnyEvent,
    FinalTranscript,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
)

QUICK = RegistryOptions(
    stop_grace_s=0.05,
    settle_s=0.05,
    lost_grace_s=1.0,
    no_stream_s=5.0,
    hold_grace_s=0.1,
    restart_s=0.01,
    no_word_s=0.03,
)


class FakeSession:
    """Keeps what it was given; its last words come at `close`."""

    def __init__(
        self,
        publish: Callable[[AnyEvent], None],
        call: str,
        leg: str,
        stream: str,
        tracks: Sequence[Track],
        speakers: Callable[[Track], str],
        offset_ms: int,
        plan: NumberFlow,
    ) -> None:
        self.publish = publish
        self.plan = plan
        self.call, self.leg, self.stream, self.offset_ms = call, leg, stream, offset_ms
        self.tracks = tuple(tracks)
        self.speakers = speakers
        self.received: list[tuple[Track, int, bytes]] = []
        self.held: set[Track] = set()
        self.released: dict[Track, int] = {}
        self.paused = False
        self.closed = ""

    async def start(self) -> None:
        self.publish(
            StreamStarted(
                call=self.call,
                leg=self.leg,
                stream=self.stream,
                tracks=self.tracks,
                offset_ms=self.offset_ms,
            )
        )

    def receive(self, track: Track, timestamp_ms: int, payload: bytes, chunk: int | None) -> None:
        assert not self.closed
        self.received.append((track, timestamp_ms, payload))

    async def pause(self) -> None:
        self.paused = True

    async def resume(self) -> None:
        self.paused = False

    def hold_back(self, track: Track) -> None:
        self.held.add(track)

    def release(self, track: Track, from_ms: int) -> None:
        self.held.discard(track)
        self.released[track] = from_ms

    async def close(self, reason: str) -> StreamCounters:
        assert not self.closed, "closed twice"
        self.closed = reason
        await asyncio.sleep(0)
        for track in dict.fromkeys(track for track, _, _ in self.received):
            if track not in self.held:
                self.publish(
                    FinalTranscript(
                        call=self.call,
                        leg=self.leg,
                        track=track,
                        speaker=self.speakers(track),
                        utterance=f"{self.stream}-{track}",
                        revision=1,
                        text="last words",
                        raw_text="last words",
                        start_ms=self.offset_ms,
                        end_ms=self.offset_ms + 20,
                        words=(),
                    )
                )
        counters = StreamCounters(frames=len(self.received))
        self.publish(
            StreamEnded(
                call=self.call, leg=self.leg, stream=self.stream, reason=reason, counters=counters
            )
        )
        return counters


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens beside."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError
