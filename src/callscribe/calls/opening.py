"""How a record begins: who is on the call by what name, and what the carrier is told to do."""

from __future__ import annotations

from callscribe.calls import conferences, ending, forwards
from callscribe.calls.book import CallBook, wall_clock
from callscribe.calls.flows import NumberFlow
from callscribe.calls.live import Leg, Record
from callscribe.calls.past import Past
from callscribe.calls.speakers import clean_name, party_names
from callscribe.carriers.twilio import twiml
from callscribe.carriers.twilio.webhook import IncomingCall
from callscribe.events import CallStarted, Direction, Flow


def new_record(
    book: CallBook,
    flow: Flow,
    plan: NumberFlow,
    direction: Direction,
    call: IncomingCall,
    past: Past | None = None,
) -> Record:
    """A record with its first leg, named. The line of a call that was transcribed before goes on."""
    record = Record(
        id=call.call_sid,
        flow=flow,
        plan=plan,
        direction=direction,
        from_=call.from_,
        to=call.to,
        from_name=book.contacts.name(call.from_) or clean_name(call.caller_name),
        to_name=book.contacts.name(call.to),
        room=plan.room if flow == "conference" else "",
        began=book.clock(),
    )
    if past is not None:
        record.timeline = past.line
    book.add(record)
    leg = book.add_leg(record, call.call_sid, call.to if direction == "outbound" else call.from_)
    if flow == "conference":
        conferences.label(book, record, leg, call.caller_name)
    else:
        label_parties(book, record)
        for track, name in (past.labels if past is not None else {}).items():
            # Taken up again, people keep the names they had.
            if (leg.sid, track) in record.labels:
                record.labels[leg.sid, track] = name
    return record


def label_parties(book: CallBook, record: Record) -> None:
    """Name the two sides of a plain call."""
    to_name = record.to_name
    if record.flow == "forward":
        # With several numbers it is not known yet who it will be.
        to = record.plan.to
        to_name = book.contacts.name(to[0]) if len(to) == 1 else ""
    from_name = record.from_name
    if record.connect and not from_name:
        # Whom we connect was called too, and "Caller" would be wrong.
        from_name = record.connect
    names = party_names(direction=record.direction, from_name=from_name, to_name=to_name)
    if book.flows.tracks(record.plan) == "inbound":
        del names["outbound"]
    record.labels |= {(record.leg.sid, track): name for track, name in names.items()}


async def open_record(book: CallBook, call: IncomingCall, connect: str = "") -> Record:
    """The record of a call that is not known yet: a new one, or that of the conference it comes to.

    Args:
        connect: for a call that we placed: whom to connect the callee with.
    """
    if call.direction.startswith("outbound"):
        record = new_record(book, "outbound", NumberFlow(), "outbound", call)
        if connect:
            record.connect = connect
            record.from_name = book.contacts.name(connect)
            label_parties(book, record)
            forwards.expect(record, (connect,))
        record.status = "in-progress" if call.status == "in-progress" else "ringing"
    else:
        plan = book.flows.of(call.to)
        room = book.in_room(plan.room) if plan.flow == "conference" else None
        if room is not None:
            leg = book.add_leg(room, call.call_sid, call.from_)
            conferences.label(book, room, leg, call.caller_name)
            ending.expect_stream(book, room, leg)
            return room
        record = new_record(book, plan.flow, plan, "inbound", call)
        if plan.flow == "forward":
            forwards.expect(record, plan.to)
            record.status = "ringing" if plan.answer_on_bridge else "in-progress"
    ending.expect_stream(book, record, record.leg)
    await announce(book, record)
    return record


async def announce(book: CallBook, record: Record) -> None:
    """Publish that it has begun."""
    await book.publish(
        CallStarted(
            call=record.id,
            at=wall_clock(),
            from_=record.from_,
            to=record.to,
            direction=record.direction,
            flow=record.flow,
            status=record.status,
            from_name=record.from_name,
            to_name=record.to_name,
            room=record.room,
        )
    )


def answer(book: CallBook, record: Record, leg: Leg) -> str:
    """The TwiML for a leg, with a fresh ticket in it."""
    streams = [book.stream_plan(record, leg)]
    said = book.flows.announcements(record.plan)
    if record.is_conference:
        return twiml.conference(streams, said, conferences.plan(book, record, leg))
    if record.dial is not None:
        if record.connect:
            said = book.flows.announcements(record.plan, texts=(book.flows.defaults.consent,))
        return twiml.dial(streams, said, forwards.plan(book, record))
    return twiml.hold_line(streams, said, book.flows.hold_seconds(record.plan))
