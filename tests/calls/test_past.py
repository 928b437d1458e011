from __future__ import annotations

import datetime as dt

from callscribe.calls.past import of_record
from callscribe.calls.recordline import ZeroEstimate
from callscribe.events import GapDetected
from callscribe.records import CallRecord, CallSummary, TrackRecord
from tests.calls.world import CALL, LEG

NOON = dt.datetime(2026, 1, 15, 12, 0, 0, tzinfo=dt.UTC)


def track(started_at: str = "2026-01-15T12:00:00.000Z", leg: str = CALL) -> TrackRecord:
    return TrackRecord(
        leg=leg, stream="MZ1", track="inbound", speaker="Zoe", offset_ms=0, started_at=started_at
    )


def test_a_record_goes_on_where_the_call_is_now() -> None:
    gap = GapDetected(
        call=CALL, leg=CALL, track="inbound", start_ms=8000, end_ms=9000, reason="missing"
    )
    past = of_record(
        CallRecord(call=CallSummary(id=CALL, sid=CALL), tracks=(track(),), gaps=(gap,)),
        CALL,
    )
    assert past is not None
    assert past.names == {"inbound": "Zoe"}
    assert past.line.now_ms(0.0) == 9000
    past.line.begin(ZeroEstimate(500.0), NOON + dt.timedelta(seconds=40))
    assert past.line.now_ms(500.0) == 40_000


def test_without_a_time_it_goes_on_after_what_was_stored() -> None:
    summary = CallSummary(id=CALL, sid=CALL, duration_ms=7000)
    past = of_record(CallRecord(call=summary, tracks=(track("once upon a time"),)), CALL)
    assert past is not None
    past.line.begin(ZeroEstimate(500.0), NOON)
    assert past.line.now_ms(500.0) == 7000


def test_a_call_of_which_nothing_was_streamed_begins_anew() -> None:
    past = of_record(CallRecord(call=CallSummary(id=CALL, sid=CALL, status="interrupted")), CALL)
    assert past is not None
    assert past.may_be_up
    assert past.line.now_ms(500.0) == 0


def test_another_legs_record_is_not_this_ones_past() -> None:
    summary = CallSummary(id=CALL, sid=CALL)
    assert of_record(CallRecord(call=summary), LEG) is None
    past = of_record(CallRecord(call=summary, tracks=(track(leg=LEG),)), LEG)
    assert past is not None
    assert past.names == {"inbound": "Zoe"}
