"""The conference flow's part of what the registry does: many legs, one record.

Each leg's own stream carries its own voice only. People whom somebody else added (by REST) run no TwiML of ours, so
their stream is started by REST as soon as the room says that they are there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from callscribe.calls.book import CallBook
from callscribe.calls.conferencing import Change
from callscribe.calls.dialling import TERMINAL
from callscribe.calls.live import Leg, Record
from callscribe.calls.speakers import participant_name
from callscribe.calls.streams import OpenStream
from callscribe.carriers.twilio import twiml
from callscribe.carriers.twilio.webhook import ConferenceEvent, DialFinished
from callscribe.errors import CallscribeError
from callscribe.events import CallUpdated, ParticipantUpdated

log = structlog.get_logger(__name__)


def find(book: CallBook, event: ConferenceEvent) -> Record | None:
    """The live conference that a callback is about."""
    record = book.of_leg(event.call_sid)
    if record is not None:
        return record if record.is_conference else None
    if book.is_over(event.call_sid):
        return None
    for record in book:
        rooms = {record.conference_sid, *(leg.room_sid for leg in record.legs.values())}
        if event.conference_sid in rooms:
            return record
    record = book.in_room(event.room) if event.room else None
    # Another conference of this name has been here and gone: its late callbacks are not this one's.
    return record if record is not None and not record.conference_sid else None


def label(book: CallBook, record: Record, leg: Leg, carrier_name: str = "") -> None:
    """Name a leg's speaker: the flow's label, the contact book, the carrier's name, the number; numbered when somebody
    else who is there has that name. Whoever left and comes back on a new leg has theirs again."""
    taken = {
        name
        for (sid, _), name in record.labels.items()
        if sid != leg.sid and not record.legs[sid].has_left
    }
    # People whom somebody else added are not here by the number's flow.
    label = "" if leg.stranger else record.plan.label
    names = (label, book.contacts.name(leg.number), carrier_name)
    record.labels[leg.sid, "inbound"] = participant_name(names, leg.number, taken)


def plan(book: CallBook, record: Record, leg: Leg) -> twiml.ConferencePlan:
    """The `<Dial><Conference>` of one leg."""
    flow = record.plan
    name = record.labels[leg.sid, "inbound"]
    return twiml.ConferencePlan(
        room=flow.room,
        status_callback=book.urls.conference,
        action=book.urls.dial,
        # Somebody we do not know of may have that name in the room: then with the leg's own mark.
        label=f"{name} {leg.sid[-6:]}" if leg.tried_again else name,
        muted=flow.muted,
        beep=flow.beep,
        start_on_enter=flow.start_on_enter,
        end_on_exit=flow.end_on_exit,
        wait_url=None if flow.music else "",
        max_participants=flow.max_participants,
    )


async def stream_began(book: CallBook, record: Record, leg: Leg, stream: OpenStream) -> None:
    """A leg is heard."""
    changes = leg.participant.enter()
    await _publish(book, record, leg, changes, joined_ms=stream.offset_ms)


async def status(book: CallBook, record: Record, event: ConferenceEvent) -> None:
    """A status callback."""
    if not record.conference_sid and event.conference_sid:
        record.conference_sid = event.conference_sid
        await book.publish(CallUpdated(call=record.id, conference_sid=event.conference_sid))
    if event.event == "conference-end":
        await _conference_end(book, record, event)
    elif event.call_sid and event.event.startswith("participant-"):
        if event.event.startswith("participant-speech"):
            return
        leg = record.legs.get(event.call_sid)
        if leg is None:
            leg = await _stranger(book, record, event)
        leg.room_sid = event.conference_sid
        leaves = event.event == "participant-leave"
        await _publish(book, record, leg, leg.participant.apply(event))
        if leaves and not leg.participant.present:
            leg.over = leg.stream is None


def dial_finished(book: CallBook, record: Record, finished: DialFinished) -> str:
    """A leg is out of the room. One that the room never took (its label was taken) is sent there again, once."""
    leg = record.legs.get(finished.call_sid)
    refused = (
        leg is not None
        and not leg.participant.seen
        and not leg.tried_again
        and not record.conference_over
        and finished.call_status == "in-progress"
        and finished.dial_status not in ("completed", "answered")
    )
    if leg is None or not refused:
        return twiml.hang_up()
    leg.tried_again = True
    return twiml.conference([], [], plan(book, record, leg))


async def leg_over(book: CallBook, record: Record, leg: Leg) -> None:
    """A leg's call or stream is over; the room's own word of it is missing or still to come."""
    for_good = leg.status in TERMINAL or leg.lost is None
    await _publish(book, record, leg, leg.participant.leave(for_good=for_good))


async def _conference_end(book: CallBook, record: Record, event: ConferenceEvent) -> None:
    if record.conference_over:
        return
    record.end_reason = event.end_reason or event.reason
    if event.ending_call_sid and event.end_reason.startswith("participant-with-end"):
        record.ended_by = record.labels.get((event.ending_call_sid, "inbound"), event.ending_label)
    staying = False
    for leg in record.legs.values():
        if leg.room_sid == event.conference_sid or leg.gone or leg.stopped:
            changes = leg.participant.leave("conference ended", event.at, for_good=True)
            await _publish(book, record, leg, changes)
        else:
            # Came as the last one left: the carrier opens the room anew for them, and the record goes on.
            staying = True
    if staying:
        return
    record.conference_over = True
    # The legs' sockets send their `stop` about now.
    grace_s = book.options.stop_grace_s
    book.schedule(record, "settle", grace_s, lambda: book.end(record, "completed"))


async def _stranger(book: CallBook, record: Record, event: ConferenceEvent) -> Leg:
    """Somebody was added by REST."""
    leg = book.add_leg(record, event.call_sid, "")
    leg.stranger = True
    carrier_name = event.label
    if book.api is not None:
        try:
            info = await asyncio.to_thread(book.api.fetch_call, event.call_sid)
        except CallscribeError as error:
            log.warning(
                "a participant's number is not known", call=event.call_sid, reason=str(error)
            )
        else:
            leg.number = info.to if info.direction.startswith("outbound") else info.from_
            carrier_name = carrier_name or info.caller_name
    label(book, record, leg, carrier_name)
    if event.event != "participant-leave":
        book.spawn(lambda: _listen(book, record, leg))
    return leg


async def _listen(book: CallBook, record: Record, leg: Leg) -> None:
    try:
        await book.start_stream(record, leg)
    except CallscribeError as error:
        log.warning(
            "a participant cannot be heard: their stream could not be started",
            call=record.id,
            leg=leg.sid,
            reason=str(error),
        )


async def _publish(
    book: CallBook,
    record: Record,
    leg: Leg,
    changes: Iterable[Change],
    *,
    joined_ms: int | None = None,
) -> None:
    for change in changes:
        at_ms = book.at_ms(record, change.at)
        if change.kind == "joined":
            if joined_ms is None:
                # The leg's stream knows better than a time cut to the second, when it is there already.
                first = leg.stream is not None and not leg.stream.ready
                heard_ms = record.timeline.offset_of(leg.stream.zero) if leg.stream and first else 0
                joined_ms = max(at_ms, leg.called_ms, heard_ms)
            await book.person_joined(
                record,
                leg,
                "inbound",
                joined_ms,
                muted=leg.participant.muted,
                on_hold=leg.participant.on_hold,
            )
            joined_ms = None
        elif change.kind == "left":
            await book.person_left(record, leg, "inbound", at_ms, change.reason)
        else:
            await book.publish(
                ParticipantUpdated(
                    call=record.id,
                    leg=leg.sid,
                    at_ms=at_ms,
                    muted=change.muted,
                    on_hold=change.on_hold,
                )
            )
