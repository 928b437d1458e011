"""A stream's audio to text, with the parts of this server."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Sequence

import structlog

from callscribe.calls.plans import NumberFlow
from callscribe.events import StreamCounters, Track
from callscribe.sealing import SealError
from callscribe.server.policy import expected, records, session_options
from callscribe.server.record import Record
from callscribe.server.second_readings import SecondReading, SecondReadings
from callscribe.settings import Settings
from callscribe.speech.pool import DecodePool
from callscribe.speech.session import SessionOptions, StreamSession
from callscribe.speech.tap import Listener
from callscribe.speech.waiting import KeptStream, Waiting

_log = structlog.get_logger(__name__)


class Sessions:
    """Makes the session of each stream (`callscribe.calls.interfaces.OpenSession`)."""

    def __init__(
        self,
        settings: Settings,
        pool: DecodePool,
        record: Record,
        waiting: Waiting,
        readings: SecondReadings,
        *,
        language: str = "",
    ) -> None:
        self._settings = settings
        self._language = language
        self._pool = pool
        self._record = record
        self._open: weakref.WeakValueDictionary[str, StreamSession] = weakref.WeakValueDictionary()
        self._readings = readings
        self._waiting = waiting

    def __call__(
        self,
        *,
        call: str,
        leg: str,
        stream: str,
        tracks: Sequence[Track],
        speakers: Callable[[Track], str],
        offset_ms: int,
        plan: NumberFlow,
    ) -> StreamSession:
        reading = self._readings.of(plan)
        if reading is not None:
            reading.service.expect(call, expected(self._settings, plan, reading.language))
        session = StreamSession(
            call=call,
            leg=leg,
            stream=stream,
            tracks=tracks,
            speakers=speakers,
            offset_ms=offset_ms,
            pool=self._pool,
            publish=reading.service.pass_on if reading else self._record.journal.publish,
            options=session_options(self._settings, plan, self._language),
            listeners=[self._record.recorder] if records(self._settings, plan) else [],
            readers=self._readers(reading),
            waiting=self._waiting if self._settings.keep_unread else None,
        )
        self._open[stream] = session
        return session

    async def take_up(self, left: Sequence[KeptStream]) -> None:
        """Go on with what a process before this one left undecoded, when there is room."""
        for kept in left:
            head = kept.head
            try:
                rest = await asyncio.to_thread(kept.left)
            except (OSError, SealError) as error:
                _log.error("audio that waits cannot be read", call=head.call, reason=str(error))
                continue
            reading = self._readings.of_left(head.rereading)
            if reading is not None:
                plan = NumberFlow(words=head.rereading.words)
                reading.service.expect(head.call, expected(self._settings, plan, reading.language))
            session = StreamSession(
                call=head.call,
                leg=head.leg,
                stream=head.stream,
                tracks=head.tracks,
                speakers=lambda track, names=head.speakers: names[track],  # type: ignore[misc]
                offset_ms=head.offset_ms,
                pool=self._pool,
                publish=self._record.journal.publish,
                options=SessionOptions(head.options, rereading=head.rereading),
                readers=self._readers(reading),
                waiting=self._waiting,
                left=rest,
            )
            self._open[head.stream] = session

    async def leave(self) -> None:
        """Leave what is not decoded of calls that are over to the next process."""
        for session in [*self._open.values()]:
            await session.leave()

    async def drop(self, call: str) -> None:
        """The call is going to be deleted: nothing more of it is decoded, if it is over."""
        for session in [each for each in self._open.values() if each.call == call and each.rests]:
            await session.drop()

    def counters(self) -> dict[str, StreamCounters]:
        """What has arrived on each stream, by stream SID; one that is over may still be there."""
        return {stream: session.counters for stream, session in self._open.items()}

    def _readers(self, reading: SecondReading | None) -> list[Listener]:
        """Who gets the sound of a stream as it is decoded."""
        return [] if reading is None else [reading.ears]
