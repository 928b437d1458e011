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

from callscribe.calls import asking, conferences, controls, ending, forwards, opening
from callscribe.calls.book import CallBook
from callscribe.calls.dialling import RANKS, TERMINAL
from callscribe.calls.interfaces import OpenSession
from callscribe.calls.live import LiveCall
from callscribe.calls.sockets import Sockets
from callscribe.calls.streams import OpenStream
from callscribe.calls.tickets import Ticket
from callscribe.carriers.twilio import twiml
from callscribe.carriers.twilio.stream import Dtmf, Started
from callscribe.carriers.twilio.webhook import (
    CallStatusChanged,
    ConferenceEvent,
    DialFinished,
    IncomingCall,
    LegStatus,
    StreamStatus,
)
from callscribe.events import Track


class CallRegistry:
    """The live calls."""

    def __init__(self, book: CallBook, open_session: OpenSession) -> None:
        """
        Args:
            book: empty; nobody else's.
            open_session: makes a session for a stream.
        """
        self._book = book
        self._book.before_close = lambda *held: forwards.stream_ends(book, *held)
        self._sockets = Sockets(book, open_session)

    # What the carrier says

    async def incoming(self, call: IncomingCall, *, connect: str = "") -> str:
        """The voice request: opens the record and answers with TwiML. A repeated request (the carrier retried) gets a
        fresh ticket for the same record.

        Args:
            connect: for a call that we placed: whom to connect the callee with.
        """
        record = self._book.of_leg(call.call_sid)
        if record is None:
            if self._book.closing:
                return twiml.reject_busy()
            if self._book.is_over(call.call_sid):
                return twiml.hang_up()
            record = await opening.open_record(self._book, call, connect)
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
        return await self._sockets.opened(ticket, started)

    def digit_pressed(self, stream: OpenStream, pressed: Dtmf) -> None:
        """A key was pressed during a stream. Returns at once: reading a socket waits for nothing."""
        self._sockets.digit_pressed(stream, pressed)

    async def stream_closed(self, stream: OpenStream, reason: str) -> None:
        """A socket has closed: `stop`, `socket-lost`, or `refused: ...`. Returns when its last words are published."""
        await self._sockets.closed(stream, reason)

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
            record.final_status = ending.final_status(status.status)
            record.ended_by = record.ended_by or ending.who_ended(self._book, record, status.status)
        if leg.stream is None:
            # Beside, since it waits for the last words; the carrier waits for our answer.
            self._book.spawn(lambda: ending.leg_over(self._book, record, leg))
        else:  # `stop` is on its way
            ending.later(self._book, record, leg, "settle", self._book.options.settle_s)

    async def stream_status(self, status: StreamStatus) -> None:
        """A stream started, stopped or failed, as the carrier's callback says."""
        await self._sockets.status(status)

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
        return twiml.speak(
            self._book.flows.announcements(record.plan, texts=(record.plan.whisper,))
        )

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
        return await asking.dial(self._book, to, connect)

    async def attach(self, call_sid: str) -> str:
        """Start transcribing a call that is already up.

        Returns:
            The record's id.

        Raises:
            CallscribeError: it is being transcribed already, it is not in progress, or no REST API is configured.
            CarrierError: the carrier refused; there is no such call.
        """
        return await asking.attach(self._book, call_sid)

    async def detach(self, call_sid: str) -> None:
        """Stop transcribing a call, which goes on.

        Raises:
            CallscribeError: it is not being transcribed, or no REST API is configured.
            CarrierError: the carrier refused.
        """
        await asking.detach(self._book, call_sid)

    def live(self) -> list[LiveCall]:
        """All live records, oldest first."""
        return [record.view(self._book.now_ms(record)) for record in self._book]

    async def close(self) -> None:
        """Refuse new calls, publish what is being said, end all records. For the end of the process."""
        await self._book.close()
