"""One media stream's audio on its way to text: placed, queued, decoded, and told as events.

Lives on the event loop; decoding happens in the pool's threads. Knows nothing of sockets or of the carrier's field
names. All times in events are `offset_ms` plus the carrier's clock of this stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import structlog

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.audio.timeline import Piece, Timeline
from callscribe.calls.decoding import DecodePool, Lane
from callscribe.calls.endpointing import EndpointOptions
from callscribe.calls.ringback import answered_from
from callscribe.calls.track import TextWriter, TrackDecoder, Utterance
from callscribe.errors import CallscribeError
from callscribe.events import (
    AnyEvent,
    FinalTranscript,
    GapDetected,
    LagChanged,
    PartialTranscript,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
)
from callscribe.recognition.base import Recognizer

_log = structlog.get_logger(__name__)

_WATCH_S = 0.25
_LAG_SHOWN_MS = 1000
_LAG_GONE_MS = 400
_RESTARTS = 3
"""A track whose recogniser fails gets a new one so many times."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a stream's audio is treated."""

    endpoints: EndpointOptions = field(default_factory=EndpointOptions)
    phrases: tuple[str, ...] = ()
    """Restricts models that can be restricted."""
    reorder_window_ms: int = 120
    """How long a frame that came too early waits for those before it."""
    shortest_gap_ms: int = 200
    """A shorter hole is filled with silence and only counted."""
    stall_ms: int = 1000
    """A track from which nothing comes for this long (by the wall clock) has its utterance finished."""
    held_back_ms: int = 180_000
    """Audio kept while nobody has answered; the oldest goes first."""
    skip_silence: bool = True
    """Silence between utterances is not decoded."""
    follow_level: bool = True
    """Quiet lines are raised to a level that models know."""


@dataclass(slots=True)
class _TrackState:
    """What the session knows of one track."""

    track: Track
    timeline: Timeline
    lane: Lane
    busy_at: float
    """Wall clock when a frame last came or was being decoded, seconds."""
    flushed: bool = True
    """Nothing has come since the last flush."""
    end_ms: int | None = None
    """Carrier's clock at the end of what was placed."""
    seen_ms: int | None = None
    """Carrier's clock at the end of what arrived, kept or not."""
    held: deque[Piece] | None = None
    held_samples: int = 0
    hole_expected: bool = False
    """The next hole is known and has been told."""
    ignore_before_ms: int = 0
    """Frames from a pause that arrive after it."""
    untold: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=16))
    """Holes that may be the track's own pauses."""
    told: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=16))
    missing_ms: int = 0
    dropped_from: int | None = None
    dropped_ms: int = 0
    lag_told_ms: int = 0
    failures: int = 0
    failed_from: int | None = None


class StreamSession:
    """The audio of one media stream."""

    def __init__(
        self,
        *,
        call: str,
        leg: str,
        stream: str,
        tracks: Sequence[Track],
        speakers: Callable[[Track], str],
        offset_ms: int,
        recognizer: Recognizer,
        pool: DecodePool,
        publish: Callable[[AnyEvent], Awaitable[None]],
        options: SessionOptions,
        write: TextWriter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            call: the record.
            leg: call SID of the leg whose stream this is.
            stream: stream SID; utterance ids are made of it.
            tracks: which tracks will come. Others are ignored.
            speakers: the name to show for a track, asked whenever an utterance is published.
            offset_ms: where this stream's zero lies on the record's line.
            publish: takes every event, in order. What it raises is logged and goes no further.
            write: makes the recogniser's words readable; None leaves them as they are.
            clock: seconds, monotonic.

        Raises:
            callscribe.errors.ModelError: no recogniser session could be started.
        """
        self.call, self.leg, self.stream = call, leg, stream
        self.tracks = tuple(tracks)
        self.offset_ms = offset_ms
        self._speakers = speakers
        self._recognizer = recognizer
        self._pool = pool
        self._publish = publish
        self._options = options
        self._write = write
        self._clock = clock
        self._states = {
            track: _TrackState(
                track,
                Timeline(window_ms=options.reorder_window_ms),
                self._new_lane(track),
                clock(),
            )
            for track in self.tracks
        }
        self._outbox: deque[AnyEvent] = deque()
        self._posted = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._paused_at_ms: int | None = None
        self._closing: asyncio.Task[StreamCounters] | None = None

    # -- what others see

    @property
    def now_ms(self) -> int:
        """The newest moment of which audio has come, on the record's line."""
        newest = max((s.seen_ms for s in self._states.values() if s.seen_ms is not None), default=0)
        return self.offset_ms + newest

    @property
    def paused(self) -> bool:
        return self._paused_at_ms is not None

    def lag_ms(self, track: Track) -> int:
        """Audio of this track received but not yet decoded."""
        return self._states[track].lane.lag_ms

    @property
    def counters(self) -> StreamCounters:
        """So far."""
        states = self._states.values()
        return StreamCounters(
            frames=sum(s.timeline.counters.frames for s in states),
            missing_ms=sum(s.missing_ms for s in states),
            reordered=sum(s.timeline.counters.reordered for s in states),
            late=sum(s.timeline.counters.late for s in states),
            duplicates=sum(s.timeline.counters.duplicates for s in states),
            dropped_ms=sum(s.dropped_ms for s in states),
        )

    # -- its life

    async def start(self) -> None:
        """Publish `StreamStarted` and begin to work. Audio may be received before."""
        await self._tell(
            StreamStarted(
                call=self.call,
                leg=self.leg,
                stream=self.stream,
                tracks=self.tracks,
                offset_ms=self.offset_ms,
            )
        )
        self._tasks = [
            asyncio.create_task(self._tell_all(), name=f"tell {self.stream}"),
            asyncio.create_task(self._watch(), name=f"watch {self.stream}"),
        ]

    def receive(self, track: Track, timestamp_ms: int, payload: bytes, chunk: int | None) -> None:
        """A media message. Never blocks.

        Args:
            track: one that was not announced is ignored.
            timestamp_ms: the carrier's clock, milliseconds since the stream began.
            payload: mu-law, any length.
            chunk: the carrier's counter of this track's messages, when there is one.
        """
        state = self._states.get(track)
        if state is None or self._closing is not None:
            return
        end = timestamp_ms + len(payload) // SAMPLES_PER_MS
        state.busy_at = self._clock()
        state.seen_ms = max(end, state.seen_ms or 0)
        if self.paused or timestamp_ms < state.ignore_before_ms:
            return
        state.flushed = False
        for piece in state.timeline.push(timestamp_ms, payload, chunk):
            self._place(state, piece)

    async def pause(self) -> None:
        """From now on audio is neither decoded nor kept. Returns when what was said before has been published."""
        if self.paused or self._closing is not None:
            return
        self._paused_at_ms = self.now_ms
        for state in self._states.values():
            self._flush(state)
        for state in self._states.values():
            await state.lane.drained()
        await self._emptied.wait()

    async def resume(self) -> None:
        """Go on with the audio that comes from now on; the pause becomes a gap of each track."""
        if self._paused_at_ms is None:
            return
        start, self._paused_at_ms = self._paused_at_ms, None
        self._tell_pause(start)
        for state in self._states.values():
            state.hole_expected = True
            state.ignore_before_ms = state.seen_ms or 0
        await self._emptied.wait()

    def hold_back(self, track: Track) -> None:
        """Keep this track's audio undecoded from now on: nobody has answered yet."""
        state = self._states.get(track)
        if state is not None and state.held is None:
            state.held = deque()
            state.held_samples = 0

    def release(self, track: Track, from_ms: int) -> None:
        """The called party answered at about `from_ms` of the record's line; what was held from there on is decoded.

        The time is the carrier's and may be late. So up to two seconds before it are used too, as far as they follow
        the last ringing tone. What is earlier was ringback or our own greeting, and is dropped.
        """
        state = self._states.get(track)
        if state is None or state.held is None:
            return
        held, state.held, state.held_samples = state.held, None, 0
        state.hole_expected = True
        for piece in answered_from(held, from_ms - self.offset_ms):
            self._queue(state, piece)
            state.flushed = False

    async def close(self, reason: str) -> StreamCounters:
        """Decode all that arrived, publish the last finals and `StreamEnded`. Idempotent; survives cancellation."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(reason), name=f"close {self.stream}")
        return await asyncio.shield(self._closing)

    async def _close(self, reason: str) -> StreamCounters:
        for state in self._states.values():
            self._flush(state)
            self._tell_dropped(state)
        for state in self._states.values():
            await state.lane.close()
            if state.failed_from is not None:
                self._tell_gap(state, state.failed_from, state.end_ms or 0, "failed")
        if self._paused_at_ms is not None:
            self._tell_pause(self._paused_at_ms)
        if self._tasks:
            await self._emptied.wait()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        while self._outbox:
            await self._tell(self._outbox.popleft())
        counters = self.counters
        await self._tell(
            StreamEnded(
                call=self.call,
                leg=self.leg,
                stream=self.stream,
                reason=reason,
                counters=counters,
                end_ms=self.now_ms,
            )
        )
        return counters

    # -- audio

    def _place(self, state: _TrackState, piece: Piece) -> None:
        start = round(piece.clock_ms)
        end = start + len(piece.payload) // SAMPLES_PER_MS
        if state.end_ms is not None and state.held is None:
            self._look_for_gap(state, state.end_ms, start, piece.chunks_lost)
        state.hole_expected = False
        state.end_ms = end
        if state.held is None:
            self._queue(state, piece)
            return
        state.held.append(piece)
        state.held_samples += len(piece.payload)
        while state.held_samples > self._options.held_back_ms * SAMPLES_PER_MS:
            state.held_samples -= len(state.held.popleft().payload)

    def _queue(self, state: _TrackState, piece: Piece) -> None:
        if state.lane.put(piece):
            self._tell_dropped(state)
            return
        if state.dropped_from is None:
            state.dropped_from = round(piece.clock_ms)
            _log.warning("audio dropped: decoding is too far behind", stream=self.stream)
        state.dropped_ms += len(piece.payload) // SAMPLES_PER_MS

    def _flush(self, state: _TrackState) -> None:
        for piece in state.timeline.flush():
            self._place(state, piece)
        state.lane.flush()
        state.flushed = True

    def _look_for_gap(
        self, state: _TrackState, start: int, end: int, chunks_lost: int | None
    ) -> None:
        """A hole in the inbound track is a loss. The outbound track also pauses by itself: there, a hole is a loss
        when the carrier's counter says so, or when the inbound track lost the same time."""
        if state.hole_expected or end - start < 10:
            return
        if state.track == "outbound" and not chunks_lost:
            inbound = self._states.get("inbound")
            both = inbound is not None and any(
                _overlap((start, end), hole) for hole in inbound.told
            )
            if not both:
                state.untold.append((start, end))
                return
        self._count_missing(state, start, end)
        if state.track == "inbound" and (outbound := self._states.get("outbound")):
            for hole in [h for h in outbound.untold if _overlap(h, (start, end))]:
                outbound.untold.remove(hole)
                self._count_missing(outbound, *hole)

    def _count_missing(self, state: _TrackState, start: int, end: int) -> None:
        state.missing_ms += end - start
        if end - start >= self._options.shortest_gap_ms:
            state.told.append((start, end))
            self._tell_gap(state, start, end, "missing")

    # -- what the recogniser found

    def _new_lane(self, track: Track) -> Lane:
        decoder = TrackDecoder(
            self._recognizer,
            endpoints=self._options.endpoints,
            write=self._write,
            phrases=self._options.phrases,
            skip_silence=self._options.skip_silence,
            follow_level=self._options.follow_level,
        )
        return self._pool.lane(
            decoder, lambda found, failure: self._deliver(track, decoder, found, failure)
        )

    def _deliver(
        self,
        track: Track,
        decoder: TrackDecoder,
        found: Sequence[Utterance],
        failure: Exception | None,
    ) -> None:
        state = self._states[track]
        for utterance in found:
            self._post(self._event(state, utterance))
        if failure is not None:
            self._replace(state, decoder, failure)

    def _event(self, state: _TrackState, said: Utterance) -> PartialTranscript | FinalTranscript:
        lane = "in" if state.track == "inbound" else "out"
        # A track whose recogniser had to be replaced counts its utterances anew.
        again = f"{state.failures}." if state.failures else ""
        utterance = f"{self.stream}-{lane}-{again}{said.number}"
        start_ms, end_ms = self.offset_ms + said.start_ms, self.offset_ms + said.end_ms
        if not said.final:
            return PartialTranscript(
                call=self.call,
                leg=self.leg,
                track=state.track,
                speaker=self._speakers(state.track),
                utterance=utterance,
                revision=said.revision,
                text=said.text,
                raw_text=said.raw_text,
                settled=said.settled,
                start_ms=start_ms,
                end_ms=end_ms,
                lag_ms=state.lane.lag_ms,
            )
        words = said.words
        if self.offset_ms:
            words = tuple(
                msgspec.structs.replace(
                    word,
                    start_ms=self.offset_ms + word.start_ms,
                    end_ms=self.offset_ms + word.end_ms,
                )
                for word in words
            )
        return FinalTranscript(
            call=self.call,
            leg=self.leg,
            track=state.track,
            speaker=self._speakers(state.track),
            utterance=utterance,
            revision=said.revision,
            text=said.text,
            raw_text=said.raw_text,
            start_ms=start_ms,
            end_ms=end_ms,
            words=words,
            tokens=said.tokens,
            confidence=round(said.confidence, 3),
            lag_ms=state.lane.lag_ms,
        )

    def _replace(self, state: _TrackState, decoder: TrackDecoder, failure: Exception) -> None:
        """The recogniser failed on this track: say so, and try again with a new one."""
        _log.error("recognition failed", stream=self.stream, track=state.track, exc_info=failure)
        failed_from = round(decoder.clock_ms)
        decoder.close()
        state.failures += 1
        if self._closing is None and state.failures <= _RESTARTS:
            try:
                state.lane = self._new_lane(state.track)
            except CallscribeError as error:
                _log.error("no new recogniser", stream=self.stream, reason=str(error))
            else:
                self._tell_gap(state, failed_from, state.end_ms or failed_from, "failed")
                return
        state.failed_from = failed_from

    # -- telling

    def _tell_gap(
        self,
        state: _TrackState,
        start: int,
        end: int,
        reason: Literal["missing", "overload", "paused", "failed"],
    ) -> None:
        """Times on the carrier's clock."""
        if end <= start:
            return
        self._post(
            GapDetected(
                call=self.call,
                leg=self.leg,
                track=state.track,
                start_ms=self.offset_ms + start,
                end_ms=self.offset_ms + end,
                reason=reason,
            )
        )

    def _tell_pause(self, from_ms: int) -> None:
        end = self.now_ms - self.offset_ms
        for state in self._states.values():
            self._tell_gap(state, from_ms - self.offset_ms, end, "paused")

    def _tell_dropped(self, state: _TrackState) -> None:
        if state.dropped_from is not None:
            self._tell_gap(state, state.dropped_from, state.end_ms or 0, "overload")
            state.dropped_from = None

    def _tell_lag(self, state: _TrackState) -> None:
        lag = state.lane.lag_ms
        grown = lag >= _LAG_SHOWN_MS and abs(lag - state.lag_told_ms) >= _LAG_SHOWN_MS / 2
        gone = state.lag_told_ms > 0 and lag <= _LAG_GONE_MS
        if grown or gone:
            state.lag_told_ms = 0 if gone else lag
            self._post(LagChanged(call=self.call, leg=self.leg, track=state.track, lag_ms=lag))

    def _post(self, event: AnyEvent) -> None:
        """Queue an event. A partial that nobody has seen yet gives way to the next one."""
        if isinstance(event, PartialTranscript | FinalTranscript):
            for i, waiting in enumerate(self._outbox):
                if isinstance(waiting, PartialTranscript) and waiting.track == event.track:
                    del self._outbox[i]
                    break
        self._outbox.append(event)
        self._emptied.clear()
        self._posted.set()

    async def _tell_all(self) -> None:
        while True:
            await self._posted.wait()
            self._posted.clear()
            while self._outbox:
                await self._tell(self._outbox.popleft())
            self._emptied.set()

    async def _tell(self, event: AnyEvent) -> None:
        try:
            await self._publish(event)
        except Exception:
            _log.exception("publishing failed", stream=self.stream, event_type=type(event).__name__)

    async def _watch(self) -> None:
        """Finish utterances of tracks that have fallen silent on the wire, and tell how far behind we are."""
        while True:
            await asyncio.sleep(_WATCH_S)
            now = self._clock()
            for state in self._states.values():
                if not state.lane.idle:
                    # A machine that cannot keep up is not a line that has fallen silent.
                    state.busy_at = now
                elif not state.flushed and (now - state.busy_at) * 1000 >= self._options.stall_ms:
                    self._flush(state)
                self._tell_lag(state)


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two holes have half of the shorter one in common."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared * 2 >= min(a[1] - a[0], b[1] - b[0])
