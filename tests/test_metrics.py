"""The figures: what is counted, what is asked for, and that Prometheus can read it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    GapDetected,
    LagChanged,
    RecordSettled,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
)
from callscribe.metrics import Meter, Source
from tests.said import final

CALL = "CA1"


def read(meter: Meter) -> dict[str, float]:
    """All samples by name and labels."""
    found = {}
    for family in text_string_to_metric_families(meter.text().decode()):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def opened(meter: Meter) -> None:
    meter.count(CallStarted(call=CALL, flow="forward"))
    meter.count(StreamStarted(call=CALL, leg=CALL, stream="MZ1", tracks=("inbound", "outbound")))


def test_a_call_is_counted_while_it_is_on_and_after() -> None:
    meter = Meter()
    opened(meter)
    now = meter.figures()
    assert (now.calls_now, now.tracks_now, now.calls) == (1, 2, 1)
    meter.count(
        StreamEnded(call=CALL, leg=CALL, stream="MZ1", reason="stop", counters=StreamCounters())
    )
    meter.count(CallEnded(call=CALL))
    now = meter.figures()
    assert (now.calls_now, now.tracks_now, now.calls, now.unsettled) == (0, 0, 1, 0)
    found = read(meter)
    assert found["callscribe_calls_started_total{flow=forward}"] == 1
    assert found["callscribe_calls_ended_total{status=completed}"] == 1


def test_what_arrives_is_counted_once_live_and_after() -> None:
    live = {"MZ1": StreamCounters(frames=100, late=3, missing_ms=500)}
    meter = Meter(live=lambda: live)
    opened(meter)
    assert read(meter)["callscribe_media_messages_total"] == 100
    ended = StreamCounters(frames=120, late=4, missing_ms=700, dropped_ms=80)
    meter.count(StreamEnded(call=CALL, leg=CALL, stream="MZ1", reason="stop", counters=ended))
    found = read(meter)  # the session may still be there
    assert found["callscribe_media_messages_total"] == 120
    assert found["callscribe_late_media_messages_total"] == 4
    assert found["callscribe_missing_audio_seconds_total"] == 0.7
    assert found["callscribe_dropped_audio_seconds_total"] == 0.08


def test_lag_is_that_of_the_track_furthest_behind_and_ends_with_its_call() -> None:
    meter = Meter()
    opened(meter)
    meter.count(LagChanged(call=CALL, leg=CALL, track="inbound", lag_ms=2500))
    meter.count(LagChanged(call=CALL, leg=CALL, track="outbound", lag_ms=1000))
    assert meter.figures().lag_s == 2.5
    meter.count(LagChanged(call=CALL, leg=CALL, track="inbound", lag_ms=0))
    assert read(meter)["callscribe_decode_lag_seconds"] == 1.0
    meter.count(CallEnded(call=CALL))
    assert meter.figures().lag_s == 0


def test_gaps_and_utterances() -> None:
    meter = Meter()
    meter.count(
        GapDetected(call=CALL, leg=CALL, track="inbound", start_ms=0, end_ms=1500, reason="missing")
    )
    meter.count(final("hello there"))
    found = read(meter)
    assert found["callscribe_gap_seconds_total{reason=missing}"] == 1.5
    assert found["callscribe_utterances_total{track=inbound}"] == 1
    assert found["callscribe_final_lag_seconds_count"] == 1


def test_an_ended_call_waits_for_its_second_reading_only_when_there_is_one() -> None:
    meter = Meter(rereads=lambda call: call == CALL)
    opened(meter)
    meter.count(CallEnded(call="CA-of-a-number-without-one"))
    assert meter.figures().unsettled == 0
    meter.count(CallEnded(call=CALL))
    assert meter.figures().unsettled == 1
    meter.count(RecordSettled(call=CALL))
    assert meter.figures().unsettled == 0


def test_an_outage_of_the_record() -> None:
    meter = Meter()
    meter.count(StoreFailed(call="", message="disk full"))
    assert meter.figures().store_failing
    assert read(meter)["callscribe_store_writable"] == 0
    meter.count(StoreFailed(call="", message="", resolved=True))
    assert not meter.figures().store_failing


def test_parts_are_asked_when_somebody_looks() -> None:
    waiting = [1.0]
    meter = Meter((Source("reader_backlog_seconds", "Speech not read yet", lambda: waiting[0]),))
    assert meter.figures().more == {"reader_backlog_seconds": 1.0}
    waiting[0] = 7.0
    assert read(meter)["callscribe_reader_backlog_seconds"] == 7.0


def test_a_call_taken_in_from_elsewhere_is_none_that_this_server_handled() -> None:
    meter = Meter()
    before = read(meter)
    events: list[AnyEvent] = [
        CallStarted(call=CALL, flow="forward"),
        StreamStarted(call=CALL, leg=CALL, stream="MZ1", tracks=("inbound", "outbound")),
        final("one", call=CALL),
        CallEnded(call=CALL),
        RecordSettled(call=CALL),
    ]
    meter.leave_out(events)
    for event in events:
        meter.count(event)
    now = read(meter)
    assert {
        name for name in now if name.startswith("callscribe_") and now[name] != before.get(name)
    } == set()
    # Nothing of it is remembered: what becomes of it here counts again.
    meter.count(final("two", call=CALL))
    assert meter.figures().utterances == 1


def test_a_call_that_was_refused_from_elsewhere_is_counted_when_it_comes_here() -> None:
    meter = Meter()
    meter.leave_out([CallStarted(call=CALL, flow="forward"), CallEnded(call=CALL)])
    meter.leave_in(CALL)
    opened(meter)
    assert meter.figures().calls_now == 1


def test_a_call_that_is_on_here_goes_on_being_counted_when_it_is_sent_from_elsewhere() -> None:
    meter = Meter(rereads=lambda call: True)
    opened(meter)
    meter.leave_out([CallEnded(call=CALL)])  # and is refused: it is here
    meter.count(CallEnded(call=CALL))
    assert meter.figures().calls_now == 0
    meter.leave_out([CallEnded(call=CALL)])
    meter.count(RecordSettled(call=CALL))
    assert meter.figures().unsettled == 0
