"""How a leg and its record come to an end: by what the carrier says, or by what it stops saying."""

from __future__ import annotations

from callscribe.calls import conferences, forwards
from callscribe.calls.book import CallBook
from callscribe.calls.live import Leg, Record
from callscribe.events import CallStatus

RINGING_S = 600.0
"""The longest that a call may ring: the carrier rings for so long at most (Twilio docs, Calls resource, `Timeout`)."""


async def leg_over(book: CallBook, record: Record, leg: Leg) -> None:
    """A leg is gone, and with the last one the record."""
    leg.over = True
    if not record.is_conference:
        await book.end(record, record.final_status or forwards.final_status(record))
        return
    async with record.lock:
        if not record.ending:
            await conferences.leg_over(book, record, leg)
    if all(each.gone for each in record.legs.values()):
        await book.end(record, "completed")


def later(book: CallBook, record: Record, leg: Leg, why: str, delay_s: float) -> None:
    """Take a leg for gone unless something is heard of it before: `why` is "stop", "lost" or "settle"."""
    book.schedule(record, f"{why} {leg.sid}", delay_s, lambda: leg_over(book, record, leg))


def expect_stream(book: CallBook, record: Record, leg: Leg) -> None:
    """A leg's socket is about to open; take the leg for gone when it does not."""

    async def give_up() -> None:
        if not record.is_conference:
            record.final_status = record.final_status or "failed"
            record.end_reason = "the carrier opened no media socket"
        await leg_over(book, record, leg)

    delay_s = book.options.no_stream_s + (RINGING_S if record.status == "ringing" else 0.0)
    book.schedule(record, f"no-stream {leg.sid}", delay_s, give_up)


def stream_is_there(book: CallBook, record: Record, leg: Leg) -> None:
    """The leg's socket has opened: it is not gone after all."""
    book.cancel(record, *(f"{why} {leg.sid}" for why in ("no-stream", "lost", "stop")))
    leg.over = leg.stopped = False


def who_ended(book: CallBook, record: Record, status: str) -> str:
    """Who hung up, as far as the flow leaves only one."""
    if record.dial is not None:
        return forwards.who_ended(record)
    held = book.clock() - record.began < book.flows.hold_seconds(record.plan)
    if record.flow in ("answer", "outbound") and status == "completed" and held:
        # Nobody but the person on the line can, until it has been held to its end.
        return record.labels.get((record.leg.sid, "inbound"), "")
    return ""


def final_status(word: str) -> CallStatus:
    """The carrier's final word as ours."""
    return forwards.UNANSWERED.get(word, "completed")
