"""The book of live records, and what every flow does with them: find, time, tell, schedule, end.

`CallRegistry` takes the carrier's facts and people's wishes; the flows' modules say what they mean; both work on
records through this one owner. Event loop only.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import structlog

from callscribe.calls.flows import Flows
from callscribe.calls.interfaces import CarrierApi, Publish, Recall, Session
from callscribe.calls.live import Leg, Record
from callscribe.calls.past import Past, of_record
from callscribe.calls.speakers import Contacts
from callscribe.calls.streams import OpenStream
from callscribe.calls.tickets import TicketBook
from callscribe.carriers.twilio import twiml
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.errors import CallscribeError
from callscribe.events import (
    CallEnded,
    CallStatus,
    CallUpdated,
    ParticipantJoined,
    ParticipantLeft,
    SpeakerRenamed,
    Track,
)

log = structlog.get_logger(__name__)

REMEMBERED = 2000
"""Legs of calls that are over, so that their late callbacks and retried webhooks are known for what they are."""


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """Graces, in seconds."""

    stop_grace_s: float = 3.0
    """After the last `stop`, for the carrier's callback to say how the call ended."""
    settle_s: float = 5.0
    """After the carrier said that the call is over, for its sockets to send `stop`."""
    lost_grace_s: float = 8.0
    """After a socket was lost, for another to take its place."""
    no_stream_s: float = 120.0
    """For the first socket to open at all, beyond any ringing."""
    hold_grace_s: float = 3.0
    """After the `stop` of a forwarded call, for word of whether the callee had answered."""
    restart_s: float = 0.3
    """Before a lost socket is replaced: the call may just be over."""
    no_word_s: float = 10.0
    """After the ringing must be over, for any word of an answer before somebody is taken to have answered."""
    max_restarts: int = 5
    """Per leg."""


class CallBook:
    """The live records.

    Args:
        publish: the journal's.
        flows: what happens to calls.
        contacts: numbers' names.
        urls: our addresses.
        api: the carrier's REST API; None when no account is configured.
        own_number: what calls that we place come from.
        recall: what has been kept of a call, for those that are taken up again after a restart.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        publish: Publish,
        flows: Flows,
        contacts: Contacts,
        urls: CarrierUrls,
        api: CarrierApi | None = None,
        own_number: str = "",
        recall: Recall | None = None,
        options: RegistryOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recall = recall
        self.publish = publish
        self.flows = flows
        self.contacts = contacts
        self.urls = urls
        self.api = api
        self.own_number = own_number
        self.options = options or RegistryOptions()
        self.clock = clock
        self.tickets = TicketBook(clock=clock)
        self.closing = False
        """No new calls are taken: the process is about to end."""
        self.before_close: Callable[[Record, OpenStream], Awaitable[None]] | None = None
        """Asked before a stream is closed for good whose audio is still held back."""
        self._records: dict[str, Record] = {}
        self._by_leg: dict[str, Record] = {}
        self._over: OrderedDict[str, Past] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    # Finding

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def record(self, id: str) -> Record | None:
        """A live record by its own id."""
        return self._records.get(id)

    def of_leg(self, call_sid: str) -> Record | None:
        """The live record that a leg belongs to."""
        return self._by_leg.get(call_sid)

    def is_over(self, call_sid: str) -> bool:
        """Whether this leg's call was live before and has ended."""
        return call_sid in self._over

    async def past(self, call_sid: str) -> Past | None:
        """What is known of a call that was live before: in this process, or in another one that kept a record."""
        if call_sid in self._over:
            return self._over[call_sid]
        try:
            record = await asyncio.to_thread(self._recall, call_sid) if self._recall else None
        except CallscribeError as error:
            log.warning("the call's record cannot be read", call=call_sid, reason=str(error))
            return None
        return of_record(record) if record is not None and record.call.id == call_sid else None

    def in_room(self, room: str) -> Record | None:
        """The conference that is now in a room."""
        for record in self:
            over = record.ending or record.conference_over or record.deserted
            if record.is_conference and record.room == room and not over:
                return record
        return None

    def find(self, call: str) -> Record:
        """A live record by its id, any leg's call SID or the conference SID.

        Raises:
            CallscribeError: there is none.
        """
        found = self._records.get(call) or self._by_leg.get(call)
        if found is None and call:
            found = next((r for r in self if r.conference_sid == call), None)
        if found is None or found.ending:
            raise CallscribeError(f"There is no live call {call}.")
        return found

    def need_api(self) -> CarrierApi:
        """The carrier's REST API.

        Raises:
            CallscribeError: none is configured.
        """
        if self.api is None:
            raise CallscribeError(
                "This needs the carrier's REST API. Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
            )
        return self.api

    # Beginning and ending

    def add(self, record: Record) -> None:
        """A new record."""
        self._records[record.id] = record

    def add_leg(self, record: Record, sid: str, number: str) -> Leg:
        """Another leg of a record."""
        leg = Leg(sid, number, called_ms=self.now_ms(record))
        record.legs[sid] = leg
        self._by_leg[sid] = record
        self._over.pop(sid, None)
        return leg

    def forget(self, record: Record) -> None:
        """The record is over."""
        self._records.pop(record.id, None)
        for sid in record.legs:
            self._by_leg.pop(sid, None)
            labels = {track: name for (leg, track), name in record.labels.items() if leg == sid}
            self._over[sid] = Past(record.timeline, labels)
        while len(self._over) > REMEMBERED:
            self._over.popitem(last=False)

    async def end(
        self, record: Record, status: CallStatus, *, by: str = "", reason: str = ""
    ) -> None:
        """Close all streams, then publish `CallEnded`. The first one counts; the others wait for it to be done."""
        if record.ending:
            await record.ended.wait()
            return
        record.ending = True
        try:
            await self._end(record, status, by, reason)
        finally:
            self.forget(record)
            record.ended.set()

    async def _end(self, record: Record, status: CallStatus, by: str, reason: str) -> None:
        self.tickets.revoke(record.id)
        self.cancel(record, *list(record.timers))
        why = "shutdown" if by == "server" else "stop" if record.final_status else "socket-lost"
        for stream in list(record.streams):
            stream.superseded.set()
        closes = (self.close_stream(record, stream, why) for stream in list(record.streams))
        for failed in await asyncio.gather(*closes, return_exceptions=True):
            if failed is not None:
                log.error("a stream could not be closed", call=record.id, exc_info=failed)
        end_ms = record.end_ms or self.now_ms(record)
        for leg in record.legs.values():
            for track in sorted(leg.people):
                await self.person_left(record, leg, track, end_ms)
        await self.publish(
            CallEnded(
                call=record.id,
                at=wall_clock(),
                status=status,
                duration_ms=end_ms or round((self.clock() - record.began) * 1000),
                ended_by=by or record.ended_by,
                reason=reason or record.end_reason,
            )
        )

    async def close(self) -> None:
        """End all records and all that goes on beside, for the end of the process."""
        self.closing = True
        ends = (self.end(r, "interrupted", by="server", reason="shutdown") for r in self)
        await asyncio.gather(*ends)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Streams

    def stream_plan(self, record: Record, leg: Leg) -> twiml.StreamPlan:
        """A stream to be started on a leg, with a fresh ticket."""
        return twiml.StreamPlan(
            url=self.urls.media(self.tickets.issue(record.id, leg.sid)),
            track=record.stream_track,
            status_callback=self.urls.stream,
        )

    async def start_stream(self, record: Record, leg: Leg) -> None:
        """Ask the carrier to stream a leg's audio to us.

        Raises:
            CallscribeError: no REST API is configured.
            CarrierError: the carrier refused.
        """
        api = self.need_api()
        plan = self.stream_plan(record, leg)
        leg.streams_asked += 1
        await asyncio.to_thread(
            api.start_stream,
            leg.sid,
            url=plan.url,
            track=plan.track,
            name=f"callscribe-{leg.streams_asked}",
            status_callback=plan.status_callback,
        )

    async def close_stream(self, record: Record, stream: OpenStream, reason: str) -> None:
        """Decode and publish what has arrived on a stream."""
        if stream.held and self.before_close and reason not in ("shutdown", "taken-over"):
            await self.before_close(record, stream)
        await stream.close(reason)
        record.end_ms = max(record.end_ms, stream.end_ms)
        record.streams.discard(stream)
        # The line goes on by a stream that is still there.
        for other in record.streams:
            if other.ready and not other.closing:
                record.timeline.anchor(other.zero, other.offset_ms)
                break

    def sessions(self, record: Record) -> list[Session]:
        """The sessions that take audio now."""
        return [s.session for s in record.streams if s.session is not None and not s.closing]

    # Telling

    def now_ms(self, record: Record) -> int:
        """The present on the record's line."""
        return record.timeline.now_ms(self.clock() * 1000)

    def at_ms(self, record: Record, moment: dt.datetime | None) -> int:
        """A moment by the carrier's clock on the record's line; what was said of it first, stays."""
        if moment is None:
            return self.now_ms(record)
        if moment not in record.moments and record.timeline.begun:
            record.moments[moment] = record.timeline.at_ms(moment, self.clock() * 1000)
        return record.moments.get(moment, 0)

    def earliest_ms(self, record: Record, moment: dt.datetime | None) -> int:
        """The earliest that a moment cut to the second can mean, on the record's line."""
        return record.timeline.earliest_ms(moment, self.clock() * 1000)

    async def update_status(self, record: Record, status: CallStatus) -> None:
        """The call itself is in another state."""
        if record.status != status and not record.ending:
            record.status = status
            await self.publish(CallUpdated(call=record.id, status=status))

    async def rename(self, record: Record, leg: str, track: Track, name: str) -> None:
        """A speaker has another name."""
        if record.labels.get((leg, track)) != name:
            record.labels[leg, track] = name
            await self.publish(SpeakerRenamed(call=record.id, leg=leg, track=track, speaker=name))

    async def person_joined(
        self,
        record: Record,
        leg: Leg,
        track: Track,
        joined_ms: int,
        *,
        number: str = "",
        muted: bool = False,
        on_hold: bool = False,
    ) -> None:
        """Say that somebody is on the call from this moment; nothing when that has been said."""
        if track in leg.people:
            return
        leg.people[track] = joined_ms
        await self.publish(
            ParticipantJoined(
                call=record.id,
                leg=leg.sid,
                track=track,
                speaker=record.labels[leg.sid, track],
                joined_ms=joined_ms,
                number=number or (leg.number if track == "inbound" else record.other_number),
                muted=muted,
                on_hold=on_hold,
            )
        )

    async def person_left(
        self, record: Record, leg: Leg, track: Track, left_ms: int, reason: str = ""
    ) -> None:
        """Say that somebody has gone; nothing when they were not there."""
        joined_ms = leg.people.pop(track, None)
        if leg.stopped:
            # Nobody stays longer than they can be heard; callbacks are late and cut to the second.
            left_ms = min(left_ms, leg.end_ms)
        if joined_ms is not None:
            await self.publish(
                ParticipantLeft(
                    call=record.id,
                    leg=leg.sid,
                    track=track,
                    left_ms=max(left_ms, joined_ms),
                    reason=reason,
                )
            )

    # Later and beside

    def schedule(
        self, record: Record, name: str, delay_s: float, then: Callable[[], Awaitable[None]]
    ) -> None:
        """Do something later unless the record ends before; a timer of the same name is replaced."""
        self.cancel(record, name)

        async def later() -> None:
            await asyncio.sleep(delay_s)
            # From here the step runs to its end: one that ends the record must not cancel itself.
            record.timers.pop(name, None)
            await then()

        record.timers[name] = self.spawn(later)

    def cancel(self, record: Record, *names: str) -> None:
        """Drop timers."""
        for name in names:
            task = record.timers.pop(name, None)
            if task is not None:
                task.cancel()

    def spawn(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run beside, kept from garbage collection; an error is logged."""

        async def run() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("a background step of a call failed")

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def wall_clock() -> str:
    """Now, as events carry it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
