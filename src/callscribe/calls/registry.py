"""Which calls are live, and what becomes of them. Event loop only.

The carrier's facts come in (a webhook, a socket, a callback), TwiML and events go out. A record begins with
`CallStarted` and ends with exactly one `CallEnded`, after the last words of all its streams:

* when the carrier's callback says that the call is over and its sockets have closed;
* without a callback, a short grace after the last `stop`;
* a socket that is lost without `stop` may be replaced within a longer grace (by us, through the REST API, or by a
  retried webhook) and its gap is shown.

Callbacks travel apart from the socket and from each other, so every handler takes them late, repeated or not at all.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable

import structlog

from callscribe.calls import conferences, controls, forwards, opening
from callscribe.calls.book import CallBook, RegistryOptions
from callscribe.calls.dialling import RANKS, TERMINAL
from callscribe.calls.flows import Flows, NumberFlow
from callscribe.calls.interfaces import CarrierApi, OpenSession, Publish, Session
from callscribe.calls.live import Leg, LiveCall, Record
from callscribe.calls.speakers import Contacts
from callscribe.calls.streams import OpenStream
from callscribe.calls.tickets import Ticket
from callscribe.carrier import twiml
from callscribe.carrier.explain import explain
from callscribe.carrier.stream import Dtmf, Started
from callscribe.carrier.urls import CarrierUrls
from callscribe.carrier.webhook import (
    CallStatusChanged,
    ConferenceEvent,
    DialFinished,
    IncomingCall,
    LegStatus,
    StreamStatus,
)
from callscribe.errors import CallscribeError, CarrierError, ProtocolError
from callscribe.events import (
    CallStatus,
    Direction,
    DtmfReceived,
    GapDetected,
    Track,
)

__all__ = ["CallRegistry", "RegistryOptions"]

log = structlog.get_logger(__name__)

GAP_MS = 250
"""A hole between two streams of a leg that is worth showing."""


class CallRegistry:
    """The live calls; arguments as `CallBook`'s, and `open_session`, which makes a session for a stream."""

    def __init__(
        self,
        *,
        publish: Publish,
        open_session: OpenSession,
        flows: Flows,
        contacts: Contacts,
        urls: CarrierUrls,
        api: CarrierApi | None = None,
        own_number: str = "",
        options: RegistryOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = CallBook(
            publish=publish,
            flows=flows,
            contacts=contacts,
            urls=urls,
            api=api,
            own_number=own_number,
            options=options,
            clock=clock,
        )
        self._book.before_close = lambda *held: forwards.stream_ends(self._book, *held)
        self._flows = flows
        self._options = self._book.options
        self._clock = clock
        self._open_session = open_session
        self._closing = False

    # What the carrier says

    async def incoming(self, call: IncomingCall, *, connect: str = "") -> str:
        """The voice request: opens the record and answers with TwiML. A repeated request (the carrier retried) gets a
        fresh ticket for the same record.

        Args:
            connect: for a call that we placed: whom to connect the callee with.
        """
        record = self._book.of_leg(call.call_sid)
        if record is None:
            if self._closing:
                return twiml.reject_busy()
            if self._book.is_over(call.call_sid):
                return twiml.hang_up()
            record = await self._open_incoming(call, connect)
        elif record.flow == "outbound":
            await self._book.update_status(record, "in-progress")
        return opening.answer(self._book, record, record.legs[call.call_sid])

    def redeem(self, token: str) -> Ticket | None:
        """The ticket that a socket shows; None when it is not good, or no longer."""
        return self._book.tickets.redeem(token)

    async def stream_opened(self, ticket: Ticket, started: Started) -> OpenStream:
        """A socket sent `start`.

        Raises:
            ProtocolError: the ticket is for another call, or the call is over.
        """
        record = self._book.record(ticket.call)
        if record is None or record.ending:
            raise ProtocolError("the call is over", close_code=1008)
        if started.call_sid != ticket.leg:
            raise ProtocolError("the ticket is for another call", close_code=1008)
        leg = record.legs[ticket.leg]
        waits = (f"{why} {leg.sid}" for why in ("no-stream", "lost", "stop"))
        self._book.cancel(record, *waits)
        stream = OpenStream(
            leg.sid, started, clock=self._clock, begin=lambda s: self._begin(record, leg, s)
        )
        older, leg.stream = leg.stream, stream
        record.streams.add(stream)
        leg.streams_opened += 1
        leg.over = leg.stopped = False
        if older is not None:
            leg.lose(older)
            older.superseded.set()
            self._book.spawn(lambda: self._book.close_stream(record, older, "taken-over"))
        if not record.timeline.begun:
            record.timeline.anchor(stream.zero, 0, dt.datetime.now(dt.UTC))
            try:
                await stream.begin()
            except CallscribeError:
                # Nothing can take its audio; the call may still be given another stream.
                leg.stream = None
                record.streams.discard(stream)
                self._later(record, leg, "lost", self._options.lost_grace_s)
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

    async def stream_closed(self, stream: OpenStream, reason: str) -> None:
        """A socket has closed: `stop`, `socket-lost`, or `refused: ...`. Returns when its last words are published."""
        record = self._book.of_leg(stream.leg)
        if record is None:
            return
        leg = record.legs[stream.leg]
        current = leg.stream is stream
        if current:
            leg.stream = None
            leg.stopped = reason == "stop"
            if leg.stopped:
                leg.end_ms = stream.end_ms
                self._later(record, leg, "stop", self._options.stop_grace_s)
            elif record.final_status is None and not leg.over:
                leg.lose(stream)
                self._later(record, leg, "lost", self._options.lost_grace_s)
                self._book.spawn(lambda: self._restart(record, leg))
        await self._book.close_stream(record, stream, reason)
        if current and (record.final_status is not None or leg.status in TERMINAL):
            await self._leg_over(record, leg)

    async def call_status(self, status: CallStatusChanged) -> None:
        """A status callback of one of our legs."""
        record = self._book.of_leg(status.call_sid)
        if record is None:
            return
        leg = record.legs[status.call_sid]
        if RANKS.get(status.status, -1) <= RANKS.get(leg.status, -1):
            return
        leg.status = status.status
        if status.status not in TERMINAL:
            if record.flow == "outbound" and status.status == "in-progress":
                await self._book.update_status(record, "in-progress")
            return
        if not record.is_conference:
            record.final_status = _final(status.status)
            record.ended_by = record.ended_by or self._who_ended(record, status.status)
        if leg.stream is None:
            # Beside, since it waits for the last words; the carrier waits for our answer.
            self._book.spawn(lambda: self._leg_over(record, leg))
        else:  # `stop` is on its way
            self._later(record, leg, "settle", self._options.settle_s)

    async def stream_status(self, status: StreamStatus) -> None:
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

    async def leg_status(self, status: LegStatus) -> None:
        """A dialled leg's status callback."""
        record = self._book.of_leg(status.parent_call_sid)
        if record is not None and record.dial is not None:
            async with record.lock:
                await forwards.leg_status(self._book, record, status)

    async def dial_finished(self, finished: DialFinished) -> str:
        """A `<Dial>` is over; answers with what to do next."""
        record = self._book.of_leg(finished.call_sid)
        if record is None or record.ended.is_set():
            return twiml.hang_up()
        if record.is_conference:
            return conferences.dial_finished(self._book, record, finished)
        async with record.lock:
            return await forwards.dial_finished(self._book, record, finished)

    async def conference_status(self, event: ConferenceEvent) -> None:
        """A conference's status callback."""
        record = conferences.find(self._book, event)
        if record is not None and not record.ending:
            async with record.lock:
                await conferences.status(self._book, record, event)

    def whisper(self, call: IncomingCall) -> str:
        """What a callee hears before being connected."""
        record = self._book.of_leg(call.parent_call_sid)
        if record is None or not record.plan.whisper:
            return twiml.empty()
        return twiml.speak(self._flows.announcements(record.plan, texts=(record.plan.whisper,)))

    # What people ask for

    async def pause(self, call: str, by: str = "") -> None:
        """Stop transcribing: from now on audio is neither decoded nor kept.

        Raises:
            CallscribeError: no such live call.
        """
        await controls.pause(self._book, call, by)

    async def resume(self, call: str, by: str = "") -> None:
        """Transcribe again.

        Raises:
            CallscribeError: no such live call.
        """
        await controls.resume(self._book, call, by)

    async def rename(self, call: str, leg: str, track: Track, speaker: str) -> None:
        """Call a speaker by another name, for what was said and what will be.

        Raises:
            CallscribeError: no such live call or speaker, or no name.
        """
        await controls.rename(self._book, call, leg, track, speaker)

    async def swap(self, call: str) -> None:
        """Exchange the names of a call's two speakers.

        Raises:
            CallscribeError: no such live call, or it has not exactly two speakers.
        """
        await controls.swap(self._book, call)

    async def dial(self, to: str, connect: str = "") -> str:
        """Place a call; when it is answered it is transcribed, and connected with `connect` if given.

        Returns:
            The record's id, the call SID.

        Raises:
            CallscribeError: no REST API configured, or no number to call from.
            CarrierError: the carrier refused.
        """
        api = self._book.need_api()
        own = self._book.own_number
        if not own:
            raise CallscribeError(
                "There is no number to call from. Set `number`, e.g. +15005550006."
            )
        sid = await api.create_call(
            to=to,
            from_=own,
            url=self._book.urls.voice_outbound(connect),
            status_callback=self._book.urls.status,
        )
        # The carrier's own request for TwiML may have come first.
        if self._book.of_leg(sid) is None and not self._book.is_over(sid):
            call = IncomingCall(
                call_sid=sid, from_=own, to=to, direction="outbound-api", status="queued"
            )
            await self._open_incoming(call, connect)
        return sid

    async def attach(self, call_sid: str) -> str:
        """Start transcribing a call that is already up.

        Returns:
            The record's id.

        Raises:
            CallscribeError: it is being transcribed already, it is not in progress, or no REST API is configured.
            CarrierError: the carrier refused; there is no such call.
        """
        api = self._book.need_api()
        known = self._book.of_leg(call_sid)
        if known is not None:
            if known.legs[call_sid].stream is not None:
                raise CallscribeError(f"{call_sid} is being transcribed already.")
            await self._book.start_stream(known, known.legs[call_sid])
            return known.id
        info = await api.fetch_call(call_sid)
        if info.status not in ("", "in-progress"):
            # Refused here, so that a call that is over keeps the record it has.
            raise CallscribeError(
                f"{call_sid} is not in progress: the carrier says {info.status}. "
                "A call can be attached to from being answered until it ends."
            )
        direction: Direction = "outbound" if info.direction.startswith("outbound") else "inbound"
        call = IncomingCall(
            call_sid=call_sid, from_=info.from_, to=info.to, caller_name=info.caller_name
        )
        record = opening.new_record(self._book, "attach", NumberFlow(), direction, call)
        await opening.announce(self._book, record)
        try:
            await self._book.start_stream(record, record.leg)
        except CarrierError as error:
            await self._book.end(record, "failed", reason=str(error))
            raise
        self._expect_stream(record, record.leg)
        return record.id

    async def detach(self, call_sid: str) -> None:
        """Stop transcribing a call, which goes on.

        Raises:
            CallscribeError: it is not being transcribed, or no REST API is configured.
            CarrierError: the carrier refused.
        """
        api = self._book.need_api()
        record = self._book.find(call_sid)
        stream = record.legs.get(call_sid, record.leg).stream
        if stream is None:
            raise CallscribeError(f"{call_sid} is not being transcribed.")
        await api.stop_stream(stream.leg, stream.sid)
        record.end_reason = "detached"

    def live(self) -> list[LiveCall]:
        """All live records, oldest first."""
        return [record.view(self._book.now_ms(record)) for record in self._book]

    async def close(self) -> None:
        """Refuse new calls, publish what is being said, end all records. For the end of the process."""
        self._closing = True
        await self._book.close()

    # A record's life

    async def _open_incoming(self, call: IncomingCall, connect: str) -> Record:
        book = self._book
        if call.direction.startswith("outbound"):
            record = opening.new_record(self._book, "outbound", NumberFlow(), "outbound", call)
            if connect:
                record.connect = connect
                record.from_name = book.contacts.name(connect)
                opening.label_parties(book, record)
                forwards.expect(record, (connect,))
            record.status = "in-progress" if call.status == "in-progress" else "ringing"
        else:
            plan = self._flows.of(call.to)
            room = book.in_room(plan.room) if plan.flow == "conference" else None
            if room is not None:
                leg = book.add_leg(room, call.call_sid, call.from_)
                conferences.label(book, room, leg, call.caller_name)
                self._expect_stream(room, leg)
                return room
            record = opening.new_record(self._book, plan.flow, plan, "inbound", call)
            if plan.flow == "forward":
                forwards.expect(record, plan.to)
                record.status = "ringing" if plan.answer_on_bridge else "in-progress"
        self._expect_stream(record, record.leg)
        await opening.announce(self._book, record)
        return record

    async def _begin(self, record: Record, leg: Leg, stream: OpenStream) -> Session:
        """Open a stream's session, now that it is known where the stream lies on the line."""
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
        forwards.hold_back(self._book, record, stream)
        await session.start()
        if record.paused:
            await session.pause()
        forwards.release(record, stream)
        await self._show_gap(record, leg, stream)
        if record.is_conference:
            await conferences.stream_began(self._book, record, leg, stream)
        else:
            for track in stream.tracks:
                if track == "inbound" or record.dial is None:
                    await self._book.person_joined(record, leg, track, stream.offset_ms)
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
        if self._book.api is None or leg.restarts >= self._options.max_restarts or self._closing:
            return
        await asyncio.sleep(self._options.restart_s)
        if record.ending or leg.over or leg.stream is not None or leg.status in TERMINAL:
            return
        leg.restarts += 1
        try:
            await self._book.start_stream(record, leg)
        except CallscribeError as error:
            log.warning(
                "a lost media stream could not be restarted", call=record.id, reason=str(error)
            )

    def _expect_stream(self, record: Record, leg: Leg) -> None:
        async def give_up() -> None:
            if not record.is_conference:
                record.final_status = record.final_status or "failed"
                record.end_reason = "the carrier opened no media socket"
            await self._leg_over(record, leg)

        ringing_s = 600.0 if record.status == "ringing" else 0.0
        delay_s = self._options.no_stream_s + ringing_s
        self._book.schedule(record, f"no-stream {leg.sid}", delay_s, give_up)

    def _later(self, record: Record, leg: Leg, why: str, delay_s: float) -> None:
        self._book.schedule(
            record, f"{why} {leg.sid}", delay_s, lambda: self._leg_over(record, leg)
        )

    async def _leg_over(self, record: Record, leg: Leg) -> None:
        """A leg is gone, by what the carrier said or by what it stopped saying."""
        leg.over = True
        if not record.is_conference:
            await self._book.end(record, record.final_status or forwards.final_status(record))
            return
        async with record.lock:
            if not record.ending:
                await conferences.leg_over(self._book, record, leg)
        if all(each.gone for each in record.legs.values()):
            await self._book.end(record, "completed")

    def _who_ended(self, record: Record, status: str) -> str:
        """Who hung up, as far as the flow leaves only one."""
        if record.dial is not None:
            return forwards.who_ended(record)
        held = self._clock() - record.began < self._flows.hold_seconds(record.plan)
        if record.flow in ("answer", "outbound") and status == "completed" and held:
            # Nobody but the person on the line can, until it has been held to its end.
            return record.labels.get((record.leg.sid, "inbound"), "")
        return ""


def _final(word: str) -> CallStatus:
    """The carrier's final word as ours."""
    words: dict[str, CallStatus] = {
        "busy": "busy",
        "no-answer": "no-answer",
        "failed": "failed",
        "canceled": "canceled",
    }
    return words.get(word, "completed")
