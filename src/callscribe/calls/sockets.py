"""The media sockets of live calls: opened with a ticket, given a session, closed or lost, and replaced."""

from __future__ import annotations

import asyncio
import datetime as dt

import structlog

from callscribe.calls import conferences, ending, forwards
from callscribe.calls.book import CallBook
from callscribe.calls.dialling import TERMINAL
from callscribe.calls.interfaces import OpenSession, Session
from callscribe.calls.live import Leg, Record
from callscribe.calls.streams import OpenStream
from callscribe.calls.tickets import Ticket
from callscribe.carriers.twilio.explain import explain
from callscribe.carriers.twilio.stream import Dtmf, Started
from callscribe.carriers.twilio.webhook import StreamStatus
from callscribe.errors import CallscribeError, ProtocolError
from callscribe.events import DtmfReceived, GapDetected

log = structlog.get_logger(__name__)

GAP_MS = 250
"""A hole between two streams of a leg that is worth showing."""


class Sockets:
    """The sockets of a book's calls."""

    def __init__(self, book: CallBook, open_session: OpenSession) -> None:
        """
        Args:
            open_session: makes a session for a stream.
        """
        self._book = book
        self._open_session = open_session

    async def opened(self, ticket: Ticket, started: Started) -> OpenStream:
        """A socket sent `start`.

        Raises:
            ProtocolError: the ticket is for another call, or the call is over.
        """
        book = self._book
        record = book.record(ticket.call)
        if record is None or record.ending:
            raise ProtocolError("the call is over", close_code=1008)
        if started.call_sid != ticket.leg:
            raise ProtocolError("the ticket is for another call", close_code=1008)
        leg = record.legs[ticket.leg]
        stream = OpenStream(
            leg.sid, started, clock=book.clock, begin=lambda s: self._begin(record, leg, s)
        )
        older, leg.stream = leg.stream, stream
        record.streams.add(stream)
        leg.streams_opened += 1
        ending.stream_is_there(book, record, leg)
        if older is not None:
            leg.lose(older)
            older.superseded.set()
            book.spawn(lambda: book.close_stream(record, older, "taken-over"))
        if not record.timeline.begun:
            record.timeline.begin(stream.zero, dt.datetime.now(dt.UTC))
            try:
                await stream.begin()
            except CallscribeError:
                # Nothing can take its audio; the call may still be given another stream.
                leg.stream = None
                record.streams.discard(stream)
                ending.later(book, record, leg, "lost", book.options.lost_grace_s)
                raise
        return stream

    def digit_pressed(self, stream: OpenStream, pressed: Dtmf) -> None:
        """A key was pressed during a stream. Returns at once: reading a socket waits for nothing."""
        record = self._book.of_leg(stream.leg)
        if record is None:
            return
        event = DtmfReceived(
            call=record.id,
            leg=stream.leg,
            track=pressed.track,
            digit=pressed.digit,
            at_ms=stream.end_ms,
        )
        self._book.spawn(lambda: self._book.publish(event))

    async def closed(self, stream: OpenStream, reason: str) -> None:
        """A socket has closed: `stop`, `socket-lost`, or `refused: ...`. Returns when its last words are published."""
        book = self._book
        record = book.of_leg(stream.leg)
        if record is None:
            return
        leg = record.legs[stream.leg]
        current = leg.stream is stream
        if current:
            leg.stream = None
            leg.stopped = reason == "stop"
            if leg.stopped:
                leg.end_ms = stream.end_ms
                ending.later(book, record, leg, "stop", book.options.stop_grace_s)
            elif record.final_status is None and not leg.over:
                leg.lose(stream)
                ending.later(book, record, leg, "lost", book.options.lost_grace_s)
                book.spawn(lambda: self._restart(record, leg))
        await book.close_stream(record, stream, reason)
        if current and (record.final_status is not None or leg.status in TERMINAL):
            await ending.leg_over(book, record, leg)

    async def status(self, status: StreamStatus) -> None:
        """A stream started, stopped or failed, as the carrier's callback says."""
        if status.event == "stream-error":
            known = explain(status.error_code) if status.error_code else None
            log.warning(
                "the carrier could not stream a call's audio",
                call=status.call_sid,
                error=status.error,
                cure=known.cure if known else "",
            )
        record = self._book.of_leg(status.call_sid)
        if record is None:
            return
        leg = record.legs[status.call_sid]
        if status.event == "stream-error" and leg.stream is None and not leg.over:
            self._book.spawn(lambda: self._restart(record, leg))
        first = leg is record.leg and leg.streams_opened <= 1
        if status.event == "stream-started" and status.at is not None and first:
            record.timeline.started_at(status.at)

    async def _begin(self, record: Record, leg: Leg, stream: OpenStream) -> Session:
        """Open a stream's session, now that it is known where the stream lies on the line."""
        book = self._book
        stream.offset_ms = record.timeline.offset_of(stream.zero)
        for track in stream.tracks:
            record.labels.setdefault((leg.sid, track), track.capitalize())
        session = self._open_session(
            call=record.id,
            leg=leg.sid,
            stream=stream.sid,
            tracks=stream.tracks,
            speakers=lambda track: record.labels.get((leg.sid, track), track.capitalize()),
            offset_ms=stream.offset_ms,
            plan=record.plan,
        )
        stream.session = session
        forwards.hold_back(book, record, stream)
        await session.start()
        if record.paused:
            await session.pause()
        forwards.release(record, stream)
        await self._show_gap(record, leg, stream)
        if record.is_conference:
            await conferences.stream_began(book, record, leg, stream)
        else:
            for track in stream.tracks:
                if track == "inbound" or record.dial is None:
                    await book.person_joined(record, leg, track, stream.offset_ms)
        return session

    async def _show_gap(self, record: Record, leg: Leg, stream: OpenStream) -> None:
        lost = leg.lost
        if lost is None or lost.first_ms is None or stream.first_ms is None:
            return
        leg.lost = None
        start, end = lost.end_ms, stream.offset_ms + stream.first_ms
        if end - start < GAP_MS:
            return
        for track in stream.tracks:
            gap = GapDetected(
                call=record.id,
                leg=leg.sid,
                track=track,
                start_ms=start,
                end_ms=end,
                reason="socket-lost",
            )
            await self._book.publish(gap)

    async def _restart(self, record: Record, leg: Leg) -> None:
        book = self._book
        if book.api is None or leg.restarts >= book.options.max_restarts or book.closing:
            return
        await asyncio.sleep(book.options.restart_s)
        if record.ending or leg.over or leg.stream is not None or leg.status in TERMINAL:
            return
        leg.restarts += 1
        try:
            await book.start_stream(record, leg)
        except CallscribeError as error:
            log.warning(
                "a lost media stream could not be restarted", call=record.id, reason=str(error)
            )
