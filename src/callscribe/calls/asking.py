"""Calls that people ask the carrier for: placed by us, or up already and to be transcribed from now on."""

from __future__ import annotations

import asyncio

from callscribe.calls import ending, opening
from callscribe.calls.book import CallBook
from callscribe.calls.flows import NumberFlow
from callscribe.carriers.twilio.webhook import IncomingCall
from callscribe.errors import CallscribeError, CarrierError
from callscribe.events import Direction


async def dial(book: CallBook, to: str, connect: str) -> str:
    """Place a call; returns its call SID."""
    api = book.need_api()
    own = book.own_number
    if not own:
        raise CallscribeError("There is no number to call from. Set `number`, e.g. +15005550006.")
    sid = await asyncio.to_thread(
        api.create_call,
        to=to,
        from_=own,
        url=book.urls.voice_outbound(connect),
        status_callback=book.urls.status,
    )
    # The carrier's own request for TwiML may have come first.
    if book.of_leg(sid) is None and not book.is_over(sid):
        call = IncomingCall(
            call_sid=sid, from_=own, to=to, direction="outbound-api", status="queued"
        )
        await opening.open_record(book, call, connect)
    return sid


async def attach(book: CallBook, call_sid: str) -> str:
    """Start transcribing a call that is already up; returns the record's id."""
    api = book.need_api()
    known = book.of_leg(call_sid)
    if known is not None:
        if known.legs[call_sid].stream is not None:
            raise CallscribeError(f"{call_sid} is being transcribed already.")
        await book.start_stream(known, known.legs[call_sid])
        return known.id
    info = await asyncio.to_thread(api.fetch_call, call_sid)
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
    past = await book.past(call_sid)
    record = opening.new_record(book, "attach", NumberFlow(), direction, call, past)
    await opening.announce(book, record)
    try:
        await book.start_stream(record, record.leg)
    except CarrierError as error:
        await book.end(record, "failed", reason=str(error))
        raise
    ending.expect_stream(book, record, record.leg)
    return record.id


async def detach(book: CallBook, call_sid: str) -> None:
    """Stop transcribing a call, which goes on."""
    api = book.need_api()
    record = book.find(call_sid)
    stream = record.legs.get(call_sid, record.leg).stream
    if stream is None:
        raise CallscribeError(f"{call_sid} is not being transcribed.")
    await asyncio.to_thread(api.stop_stream, stream.leg, stream.sid)
    record.end_reason = "detached"
