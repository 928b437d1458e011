"""The forward flow's part of what the registry does: when the callee's words begin, and what became of the dial.

The outbound track of the caller's leg carries our announcements and the ringing before it carries the callee. Its audio
is held back until it is known when somebody answered; what came before is dropped, what came since is decoded.
"""

from __future__ import annotations

import asyncio

import msgspec

from callscribe.calls.book import CallBook
from callscribe.calls.dialling import TERMINAL, DialTracker
from callscribe.calls.live import Record
from callscribe.calls.streams import OpenStream
from callscribe.carriers.twilio import twiml
from callscribe.carriers.twilio.webhook import DialFinished, LegStatus
from callscribe.events import CallStatus, CallUpdated, Dial, Track

UNANSWERED: dict[str, CallStatus] = {
    "busy": "busy",
    "no-answer": "no-answer",
    "failed": "failed",
    "canceled": "canceled",
}


def expect(record: Record, to: tuple[str, ...]) -> None:
    """These are about to be dialled."""
    record.dial = DialTracker(to)


def plan(book: CallBook, record: Record) -> twiml.DialPlan:
    """The `<Dial>`."""
    flow = record.plan
    if record.connect:
        # The callee has answered already; the other end sees the number that was called from.
        return twiml.DialPlan(
            to=(record.connect,),
            action=book.urls.dial,
            leg_callback=book.urls.leg,
            caller_id=book.own_number,
            timeout_s=flow.timeout,
            answer_on_bridge=False,
        )
    return twiml.DialPlan(
        to=flow.to,
        action=book.urls.dial,
        leg_callback=book.urls.leg,
        caller_id=flow.caller_id,
        timeout_s=flow.timeout,
        answer_on_bridge=flow.answer_on_bridge,
        whisper_url=book.urls.whisper if flow.whisper else "",
    )


def hold_back(book: CallBook, record: Record, stream: OpenStream) -> None:
    """Before a stream starts: keep its outbound audio undecoded."""
    if record.dial is None or "outbound" not in stream.tracks or stream.session is None:
        return
    stream.held = True
    stream.session.hold_back("outbound")
    if "no-word" not in record.timers and not record.dial_known.is_set():
        seconds = record.plan.timeout + book.options.no_word_s
        book.schedule(record, "no-word", seconds, lambda: _no_word(book, record))


def release(record: Record, stream: OpenStream) -> None:
    """Decode what the callee has said since answering, if anybody has answered."""
    if stream.held and record.release_ms is not None and stream.session is not None:
        stream.held = False
        stream.session.release("outbound", record.release_ms)


async def leg_status(book: CallBook, record: Record, status: LegStatus) -> None:
    """A dialled leg's callback."""
    dial = record.dial
    if dial is None or record.ended.is_set():
        return
    before = _dial(book, record, dial)
    dial.leg(status)
    await _tell(book, record, before)


async def dial_finished(book: CallBook, record: Record, finished: DialFinished) -> str:
    """The dial is over: answer with what to do next."""
    dial = record.dial
    if dial is None:
        return twiml.hang_up()
    before = _dial(book, record, dial)
    dial.finish(finished, record.timeline.moment(book.clock() * 1000))
    book.cancel(record, "no-word")
    await _tell(book, record, before)
    caller_gone = finished.call_status in TERMINAL
    answered = dial.answer is not None
    if caller_gone or answered:
        caller, callee = (
            record.labels.get(_caller(record), ""),
            record.labels.get(_callee(record), ""),
        )
        record.ended_by = record.ended_by or (caller if caller_gone else callee)
    if answered:
        await book.person_left(record, record.leg, "outbound", book.now_ms(record))
    record.dial_known.set()
    if answered or caller_gone or record.connect or record.plan.no_answer == "hangup":
        return twiml.hang_up()
    said = book.flows.announcements(record.plan, texts=(record.plan.no_answer_text,))
    # The call is answered by us now; the stream has survived the <Dial>.
    await book.update_status(record, "in-progress")
    return twiml.hold_line([], said, book.flows.hold_seconds(record.plan))


def who_ended(record: Record) -> str:
    """Of a call that is over: when the callee hangs up, the carrier asks first what to do next; it did not."""
    return (
        ""
        if record.dial is None or record.dial.finished
        else record.labels.get(_caller(record), "")
    )


def final_status(record: Record) -> CallStatus:
    """How a call ended, when the carrier did not say: as its dial did, unless we took it then."""
    if record.dial is None or record.status == "in-progress":
        return "completed"
    return UNANSWERED.get(record.dial.status, "completed")


def _dial(book: CallBook, record: Record, dial: DialTracker) -> Dial:
    """What became of the dial so far, on the record's line."""
    known = dial.dial(lambda moment: book.at_ms(record, moment))
    return msgspec.structs.replace(known, name=book.contacts.name(known.to))


async def _tell(book: CallBook, record: Record, before: Dial) -> None:
    """Publish what changed, and release the callee's words when it is now known since when they are."""
    dial = record.dial
    if dial is None:
        return
    answer = dial.answer
    if answer is not None and record.answered_ms is None:
        record.answered_ms = book.at_ms(record, answer.at)
        record.release_ms = book.earliest_ms(record, answer.at)
        book.cancel(record, "no-word")
        record.dial_known.set()
        name = book.contacts.name(answer.to)
        if name and _callee(record) in record.labels and record.labels.get(_caller(record)) != name:
            await book.rename(record, record.leg.sid, "outbound", name)
        await book.update_status(record, "in-progress")
        if _callee(record) in record.labels:
            await book.person_joined(
                record, record.leg, "outbound", record.answered_ms, number=answer.to
            )
        for stream in record.streams:
            release(record, stream)
    elif dial.over:
        record.dial_known.set()
    now = _dial(book, record, dial)
    if now != before:
        await book.publish(CallUpdated(call=record.id, dial=now))


async def stream_ends(book: CallBook, record: Record, stream: OpenStream) -> None:
    """A stream is about to close whose outbound audio is still kept: wait a little for word of an answer."""
    if not stream.held or record.dial_known.is_set():
        return
    try:
        await asyncio.wait_for(record.dial_known.wait(), book.options.hold_grace_s)
    except TimeoutError:
        if stream.end_ms > record.plan.timeout * 1000:
            await _no_word(book, record)


async def _no_word(book: CallBook, record: Record) -> None:
    """The ringing must be over, the dial is not, and no callback said that somebody answered: somebody did."""
    dial = record.dial
    if dial is None or record.answered_ms is not None or dial.over:
        return
    record.answered_ms = book.at_ms(record, dial.ringing_at) if dial.ringing_at else 0
    record.release_ms = record.answered_ms
    await book.update_status(record, "in-progress")
    await book.person_joined(record, record.leg, "outbound", record.answered_ms)
    for stream in record.streams:
        release(record, stream)


def _caller(record: Record) -> tuple[str, Track]:
    return (record.leg.sid, "inbound")


def _callee(record: Record) -> tuple[str, Track]:
    return (record.leg.sid, "outbound")
