"""One media stream's audio on its way to text: placed, queued, decoded, and told as events.

Lives on the event loop; decoding happens in the pool's threads. Knows nothing of sockets or of the carrier's field
names. All times in events are `offset_ms` plus the carrier's clock of this stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from callscribe.events import (
    AnyEvent,
    FinalTranscript,
    GapDetected,
    GapReason,
    LagChanged,
    PartialTranscript,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
    TranscriptionWaits,
)
from callscribe.speech.holes import Hole, Holes
from callscribe.speech.intake import Intake
from callscribe.speech.lane import Turn
from callscribe.speech.outbox import Outbox
from callscribe.speech.pool import DecodePool
from callscribe.speech.stream import DecodingOptions
from callscribe.speech.tap import Listener, Tap, TrackKey
from callscribe.speech.track import Progress
from callscribe.speech.transcripts import transcript
from callscribe.speech.utterance import Utterance
from callscribe.speech.waiting import Head, KeptStream, Left, Rereading, Waiting

_log = structlog.get_logger(__name__)

_WATCH_S = 0.25
_LATE = 5
"""So much longer than a track's own pause the whole stream's is taken for lateness."""
_LAG_SHOWN_MS = 1000
_LAG_GONE_MS = 400


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a stream's audio is treated."""

    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    reorder_window_ms: int = 120
    """How long a frame that came too early waits for those before it."""
    shortest_gap_ms: int = 200
    """A shorter hole is filled with silence and only counted."""
    stall_ms: int = 1000
    """A track from which nothing comes for this long, by the wall clock, while the other one goes on as long has its
    utterance finished. Where nothing comes of either, the network may be at fault: then it takes five times as long."""
    held_back_ms: int = 180_000
    """Audio kept while nobody has answered; the oldest goes first."""
    language: str = ""
    """The recogniser's, BCP 47; empty: not known. Told to those who follow the call."""
    rereading: Rereading = field(default_factory=Rereading)
    """Kept with audio that waits, for a process after this one."""


@dataclass(slots=True)
class _TrackState:
    """What the session knows of one track."""

    intake: Intake
    quiet_s: float = 0.0
    """Wall time in which no frame has come or was being decoded."""
    lag_told_ms: int = 0
    failed: Hole | None = None
    """What could not be decoded and is not told yet: more may follow."""

    @property
    def track(self) -> Track:
        return self.intake.track


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
        pool: DecodePool,
        publish: Callable[[AnyEvent], Awaitable[None]],
        options: SessionOptions,
        listeners: Sequence[Listener] = (),
        readers: Sequence[Listener] = (),
        waiting: Waiting | None = None,
        left: Left | None = None,
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
            listeners: get each track's audio as it is placed, from here until the session is closed.
            readers: get what is decoded of it, just before what was found in it is published, until all is decoded.
            waiting: keeps the audio on disk while there is no room to decode it; None: that dies with the process.
            left: the stream is over, and this is what a process before this one left of it. Nothing is received or
                started; what is left is decoded when there is room, and the stream ended.
            clock: seconds, monotonic.
        """
        self.call, self.leg, self.stream = call, leg, stream
        self.tracks = tuple(tracks)
        self.offset_ms = offset_ms
        self._speakers = speakers
        self._options = options
        self._clock = clock
        self._holes = Holes(shortest_gap_ms=options.shortest_gap_ms)
        self._taps = {
            track: Tap(TrackKey(call, leg, stream, track), listeners, offset_ms)
            for track in self.tracks
        }
        self._heard = {
            track: Tap(TrackKey(call, leg, stream, track), readers, offset_ms)
            for track in self.tracks
        }
        self._waiting = waiting
        self._kept: KeptStream | None = None
        self._waits_told = self._dropped = False
        self._reason = ""
        self._progress: dict[Track, Progress] = {}
        self._before = left.kept.head if left is not None else None
        if left is None:
            self._lane = pool.lane(self.tracks, options.decoding, self._deliver)
        else:
            head = left.kept.head
            self._kept, self._reason, self._waits_told = left.kept, head.reason, True
            self._progress.update(head.progress)
            self._lane = pool.rest(
                self.tracks, head.options, self._deliver, left.fed, left.amounts, head.progress
            )
        self._states = {
            track: _TrackState(
                Intake(
                    track,
                    self._lane,
                    tap=self._taps[track],
                    holes=self._holes,
                    tell_gap=self._tell_gap,
                    reorder_window_ms=options.reorder_window_ms,
                    held_back_ms=options.held_back_ms,
                )
            )
            for track in self.tracks
        }
        self._outbox = Outbox(publish, stream)
        self._watcher: asyncio.Task[None] | None = None
        self._paused_at_ms: int | None = None
        self._closing: asyncio.Task[StreamCounters] | None = None
        self._rest: asyncio.Task[None] | None = None
        """Decodes and publishes what was not yet when the stream was over."""
        self._saving: asyncio.Task[None] | None = None
        for tap in (*self._taps.values(), *self._heard.values()):
            tap.open()
        if self._lane.waits and left is None:
            self._keep()
        if left is not None:
            for track in self.tracks:
                self._lane.flush(track)
            self._outbox.start()
            self._rest = asyncio.create_task(self._finish(), name=f"rest of {stream}")

    # -- what others see

    @property
    def now_ms(self) -> int:
        """The newest moment of which audio has come, on the record's line."""
        if self._before is not None:
            return self._before.end_ms
        return self.offset_ms + max(
            (s.intake.seen_ms or 0 for s in self._states.values()), default=0
        )

    @property
    def paused(self) -> bool:
        return self._paused_at_ms is not None

    def lag_ms(self, track: Track) -> int:
        """Audio of this track received but not yet decoded."""
        return self._lane.lag_ms(track)

    @property
    def counters(self) -> StreamCounters:
        """So far."""
        lost_ms = self._lane.lost_ms
        if self._before is not None:
            return self._before.counters + StreamCounters(dropped_ms=lost_ms)
        frames = [state.intake.counters for state in self._states.values()]
        return StreamCounters(
            frames=sum(each.frames for each in frames),
            missing_ms=self._holes.missing_ms,
            reordered=sum(each.reordered for each in frames),
            late=sum(each.late for each in frames),
            duplicates=sum(each.duplicates for each in frames),
            dropped_ms=lost_ms + sum(state.intake.dropped_ms for state in self._states.values()),
        )

    # -- its life

    async def start(self) -> None:
        """Publish `StreamStarted` and begin to work. Audio may be received before."""
        await self._outbox.tell(
            StreamStarted(
                call=self.call,
                leg=self.leg,
                stream=self.stream,
                tracks=self.tracks,
                offset_ms=self.offset_ms,
                language=self._options.language,
            )
        )
        self._outbox.start()
        if self._lane.waits:
            self._tell_waiting()
        self._watcher = asyncio.create_task(self._watch(), name=f"watch {self.stream}")

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
        state.quiet_s = 0.0
        state.intake.receive(timestamp_ms, payload, chunk, keep=not self.paused)

    async def pause(self) -> None:
        """From now on audio is neither decoded nor kept. Returns when what was said before has been published."""
        if self.paused or self._closing is not None:
            return
        self._paused_at_ms = self.now_ms
        for state in self._states.values():
            state.intake.flush()
        if not self._lane.is_far_behind:
            await self._lane.drained()
        await self._outbox.emptied()

    async def resume(self) -> None:
        """Go on with the audio that comes from now on; the pause becomes a gap of each track."""
        if self._paused_at_ms is None:
            return
        start, self._paused_at_ms = self._paused_at_ms, None
        self._tell_pause(start)
        for state in self._states.values():
            state.intake.resume()
        await self._outbox.emptied()

    def hold_back(self, track: Track) -> None:
        """Keep this track's audio undecoded from now on: nobody has answered yet."""
        state = self._states.get(track)
        if state is not None:
            state.intake.hold_back()

    def release(self, track: Track, from_ms: int) -> None:
        """The called party answered at about `from_ms` of the record's line; what was held from there on is decoded.

        The time is the carrier's and may be late. So up to two seconds before it are used too, as far as they follow
        the last ringing tone. What is earlier was ringback or our own greeting, and is dropped.
        """
        state = self._states.get(track)
        if state is not None:
            state.intake.release(from_ms - self.offset_ms)

    async def close(self, reason: str) -> StreamCounters:
        """Decode all that arrived, publish the last finals and `StreamEnded`. Idempotent; survives cancellation.

        A stream that has to wait for room, or is far behind, is not waited for: the rest of it is decoded and published
        when there is room (`is_over`, `leave`).
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(reason), name=f"close {self.stream}")
        return await asyncio.shield(self._closing)

    async def _close(self, reason: str) -> StreamCounters:
        self._reason = reason
        for state in self._states.values():
            state.intake.flush()
            state.intake.tell_dropped()
        for tap in self._taps.values():
            tap.close()
        if self._paused_at_ms is not None:
            self._tell_pause(self._paused_at_ms)
        if self._lane.is_far_behind:
            if not self._waits_told:
                self._tell_waiting()
            if self._watcher is not None:
                self._watcher.cancel()
            self._lane.retire()
            self._rest = asyncio.create_task(self._finish(), name=f"rest of {self.stream}")
            await self._outbox.emptied()
        else:
            await self._finish()
        return self.counters

    async def _finish(self) -> None:
        await self._lane.close()
        for state in self._states.values():
            self._tell_failed(state)
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
        for tap in self._heard.values():
            tap.close()
        await self._outbox.close()
        await self._outbox.tell(
            StreamEnded(
                call=self.call,
                leg=self.leg,
                stream=self.stream,
                reason=self._reason,
                counters=self.counters,
                end_ms=self.now_ms,
            )
        )
        await self._drop_kept()

    # -- what had to wait

    @property
    def rests(self) -> bool:
        """It is over, and what is left of it is being decoded on the side."""
        return self._rest is not None and not self._rest.done()

    async def finished(self) -> None:
        """Return when nothing of it is left to decode."""
        if self._rest is not None:
            await asyncio.wait({self._rest})

    async def leave(self) -> None:
        """Leave to another process what is not decoded; without a place to keep it, it is decoded now."""
        if not self.rests or self._rest is None:
            return
        if self._waiting is None:
            await self.finished()
            return
        await self._lane.halt()
        self._rest.cancel()
        await asyncio.wait({self._rest})
        if self._saving is not None:
            await asyncio.wait({self._saving})
        await self._outbox.close()
        try:
            await asyncio.to_thread(self._leave_behind, self._waiting)
        except (OSError, EOFError) as error:
            _log.error("audio that waits is lost", stream=self.stream, reason=str(error))
        self._lane.leave()

    async def drop(self) -> None:
        """The call was deleted: nothing more of it is decoded or told."""
        self._dropped = True
        if self._rest is not None:
            self._rest.cancel()
            await asyncio.wait({self._rest})
        await self._lane.drop()
        for tap in self._heard.values():
            tap.close()
        await self._drop_kept()

    def _head(self) -> Head:
        return Head(
            call=self.call,
            leg=self.leg,
            stream=self.stream,
            tracks=self.tracks,
            speakers={track: self._speakers(track) for track in self.tracks},
            offset_ms=self.offset_ms,
            options=self._options.decoding,
            rereading=self._options.rereading,
            reason=self._reason or "socket-lost",
            counters=self.counters,
            end_ms=self.now_ms,
            progress=self._progress,
        )

    def _keep(self) -> None:
        """Keep on disk what comes; in memory first where that cannot be."""
        if self._waiting is None:
            return
        try:
            self._kept = self._waiting.keep(self._head())
            self._lane.wait_in(self._kept.audio())
        except OSError as error:
            self._kept = None
            _log.error(
                "audio that waits is lost if this process dies",
                stream=self.stream,
                reason=str(error),
            )

    def _leave_behind(self, waiting: Waiting) -> None:
        if self._kept is not None:
            self._kept.write(self._head())
            return
        kept = waiting.keep(self._head())
        with contextlib.closing(kept.audio()) as file:
            for fed in self._lane.unfinished():
                file.append(fed)

    async def _drop_kept(self) -> None:
        kept, self._kept = self._kept, None
        if self._saving is not None:
            await asyncio.wait({self._saving})
        if kept is not None:
            await asyncio.to_thread(kept.drop)

    async def _save(self) -> None:
        """Note how far what was kept has been decoded, once it is published."""
        head = self._head()
        await self._outbox.emptied()
        kept = self._kept
        if kept is not None:
            try:
                await asyncio.to_thread(kept.write, head)
            except OSError as error:
                _log.warning("not noted how far a stream is", stream=self.stream, reason=str(error))

    def _tell_waiting(self) -> None:
        self._tell_waits(max(self.offset_ms, self.now_ms - self._lane.worst_lag_ms), over=False)

    async def _tell_caught_up(self) -> None:
        """The stream goes on, and nothing of it waits any more."""
        if self._lane.caught_up():
            self._tell_waits(self.now_ms, over=True)
            await self._drop_kept()

    def _tell_waits(self, at_ms: int, *, over: bool) -> None:
        self._waits_told = not over
        self._outbox.post(
            TranscriptionWaits(
                call=self.call,
                leg=self.leg,
                stream=self.stream,
                tracks=self.tracks,
                at_ms=at_ms,
                over=over,
            )
        )

    # -- what the recogniser found

    def _deliver(self, turn: Turn) -> None:
        if self._dropped:
            return
        for fed in turn.fed:
            if fed.piece is not None:
                self._heard[fed.track].place(fed.piece.clock_ms, fed.piece.payload)
        self._progress.update(turn.progress)
        for said in turn.found:
            # Of what is over nobody needs to see words that may change.
            if said.utterance.final or not self.rests:
                self._outbox.post(self._event(self._states[said.track], said.utterance))
        if self._kept is not None and turn.fed and (self._saving is None or self._saving.done()):
            self._saving = asyncio.create_task(self._save(), name=f"progress of {self.stream}")
        for track, state in self._states.items():
            fails = [each for each in turn.failed if each.track == track]
            if not fails:
                self._tell_failed(state)
            for each in fails:
                if state.failed is not None and each.start_ms > state.failed.end_ms + 1:
                    self._tell_failed(state)
                begin = each.start_ms if state.failed is None else state.failed.start_ms
                state.failed = Hole(track, begin, each.end_ms)
        for hole in turn.lost:
            self._tell_gap(hole, "overload")

    def _event(self, state: _TrackState, said: Utterance) -> PartialTranscript | FinalTranscript:
        lane = "in" if state.track == "inbound" else "out"
        return transcript(
            said,
            call=self.call,
            leg=self.leg,
            track=state.track,
            speaker=self._speakers(state.track),
            utterance=f"{self.stream}-{lane}-{said.number}",
            offset_ms=self.offset_ms,
            lag_ms=self._lane.lag_ms(state.track),
        )

    # -- telling

    def _tell_gap(self, hole: Hole, reason: GapReason) -> None:
        if hole.end_ms <= hole.start_ms:
            return
        self._outbox.post(
            GapDetected(
                call=self.call,
                leg=self.leg,
                track=hole.track,
                start_ms=self.offset_ms + hole.start_ms,
                end_ms=self.offset_ms + hole.end_ms,
                reason=reason,
            )
        )

    def _tell_failed(self, state: _TrackState) -> None:
        if state.failed is not None:
            self._tell_gap(state.failed, "failed")
            state.failed = None

    def _tell_pause(self, from_ms: int) -> None:
        for track in self.tracks:
            hole = Hole(track, from_ms - self.offset_ms, self.now_ms - self.offset_ms)
            self._tell_gap(hole, "paused")

    def _tell_lag(self, state: _TrackState) -> None:
        if self._lane.waits:
            return
        lag = self._lane.lag_ms(state.track)
        grown = lag >= _LAG_SHOWN_MS and abs(lag - state.lag_told_ms) >= _LAG_SHOWN_MS / 2
        gone = state.lag_told_ms > 0 and lag <= _LAG_GONE_MS
        if grown or gone:
            state.lag_told_ms = 0 if gone else lag
            self._outbox.post(
                LagChanged(call=self.call, leg=self.leg, track=state.track, lag_ms=lag)
            )

    async def _watch(self) -> None:
        """Finish utterances of tracks that have fallen silent on the wire, and tell how far behind we are."""
        before = self._clock()
        while True:
            await asyncio.sleep(_WATCH_S)
            now = self._clock()
            # While this process could not look, it could not read its sockets either.
            passed_s, before = min(now - before, 2 * _WATCH_S), now
            for state in self._states.values():
                # A machine that cannot keep up is not a line that has fallen silent.
                idle = self._lane.idle(state.track)
                state.quiet_s = state.quiet_s + passed_s if idle else 0.0
                if not state.intake.flushed and self._fell_silent(state):
                    state.intake.flush()
                self._tell_lag(state)
            if (
                not self._lane.waits
                and self._waits_told
                and self._lane.worst_lag_ms <= _LAG_GONE_MS
            ):
                await self._tell_caught_up()

    def _fell_silent(self, state: _TrackState) -> bool:
        """Whether nothing more comes of a track for now, rather than late."""
        seen_ms, stall_ms = state.intake.seen_ms or 0, self._options.stall_ms
        others = (other.intake.seen_ms or 0 for other in self._states.values())
        goes_on = max(others) - seen_ms >= stall_ms
        return state.quiet_s * 1000 >= (stall_ms if goes_on else _LATE * stall_ms)
