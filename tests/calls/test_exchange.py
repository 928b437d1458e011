"""What holds for the calls of all flows: sockets, tickets, people's wishes."""

from __future__ import annotations

import datetime as dt

import pytest

from callscribe.calls.facts import (
    AnyFact,
    Kept,
    PauseWanted,
    RenameWanted,
    ResumeWanted,
    Shutdown,
    SocketClosed,
    StreamRefused,
    SwapWanted,
)
from callscribe.calls.plans import Flows, NumberFlow
from callscribe.carriers.base import HangUp, Listen, Refuse, StreamReported
from callscribe.errors import CallscribeError, NotLiveError, ProtocolError
from callscribe.events import (
    CallEnded,
    CallStarted,
    DtmfReceived,
    FinalTranscript,
    GapDetected,
    ParticipantJoined,
    SpeakerRenamed,
    StreamEnded,
    StreamStarted,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.records import CallRecord, CallSummary, TrackRecord
from tests.calls.world import BOTH, CALL, LEG, OURS, ZERO, World, ticket_in, words

# Sockets


def test_a_second_socket_takes_over() -> None:
    world = World()
    first, second = world.call(), world.call()
    older = world.socket(first)
    world.speak(older, 0, 400)
    newer = world.socket(second)
    assert (CALL, older.key) in world.unwanted
    assert world.heard[0].closed == "taken-over"
    world.speak(newer, 0, 400)
    world.stop(newer)
    world.ended()
    assert [s.reason for s in world.of(StreamEnded)] == ["taken-over", "stop"]
    assert world.heard[1].offset_ms == pytest.approx(380, abs=5)


def test_a_ticket_is_for_one_call_only() -> None:
    world = World()
    answer = world.call()
    with pytest.raises(ProtocolError, match="another call") as raised:
        world.socket(answer, LEG)
    assert raised.value.close_code == 1008


def test_a_retried_webhook_gets_a_fresh_ticket_for_the_same_record() -> None:
    world = World()
    first, second = world.call(), world.call()
    assert ticket_in(first) != ticket_in(second)
    assert len(world.of(CallStarted)) == 1
    world.socket(second)
    assert world.exchange.redeem(ticket_in(second), world.now) is None


def test_tickets_are_no_good_after_the_call() -> None:
    world = World()
    answer = world.call()
    world.says("completed")
    world.ended()
    assert world.exchange.redeem(ticket_in(answer), world.now) is None
    assert world.call() == (HangUp(),)
    assert len(world.of(CallStarted)) == 1


def test_the_same_outside_name_of_a_stream_twice_makes_two_streams() -> None:
    world = World()
    first, second = world.call(), world.call()
    one = world.socket(first, sid="MZ1")
    world.speak(one, 0, 400)
    two = world.socket(second, sid="MZ1")
    world.speak(two, 0, 400)
    world.stop(two)
    world.ended()
    assert [s.stream for s in world.of(StreamStarted)] == ["MZ1", "MZ1.2"]
    assert [f.utterance for f in world.of(FinalTranscript)] == ["MZ1-inbound", "MZ1.2-inbound"]


def test_a_lost_socket_ends_the_call_after_the_grace() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 100)
    world.lose(stream)
    world.wait(7)
    assert not world.of(CallEnded)
    assert world.ended().status == "completed"


def test_a_lost_socket_is_replaced_and_the_gap_is_shown() -> None:
    world = World(api=True)
    stream = world.socket(world.call())
    world.speak(stream, 0, 1000, *BOTH)
    world.lose(stream)
    world.wait(3)
    (asked,) = world.asked
    assert (asked.leg, asked.track, asked.name) == (CALL, "both", "callscribe-1")
    again = world.socket(asked.ticket)
    world.speak(again, 100, 600, *BOTH)
    gaps = [(g.track, g.reason, g.start_ms, g.end_ms) for g in world.of(GapDetected)]
    assert [(track, reason, start) for track, reason, start, _ in gaps] == [
        ("inbound", "socket-lost", 1000),
        ("outbound", "socket-lost", 1000),
    ]
    assert gaps[0][3] == pytest.approx(3980, abs=5)
    assert world.heard[1].offset_ms == pytest.approx(3880, abs=5)
    assert len(world.of(ParticipantJoined)) == 2
    world.stop(again)
    world.ended()
    assert len(world.of(CallStarted)) == 1


def test_the_gap_spans_a_second_socket_that_is_lost_before_any_audio() -> None:
    world = World(api=True)
    stream = world.socket(world.call())
    world.speak(stream, 0, 1000)
    world.lose(stream)
    world.wait(1)
    empty = world.socket(world.asked[0].ticket)
    world.lose(empty)
    world.wait(1)
    world.speak(world.socket(world.asked[1].ticket), 0, 400)
    (gap, _) = world.of(GapDetected)
    assert gap.start_ms == 1000
    assert gap.end_ms == pytest.approx(2980, abs=5)


def test_a_refused_restart_lets_the_call_end() -> None:
    world = World(api=True)
    stream = world.socket(world.call())
    world.lose(stream)
    world.wait(1)
    world.tell(StreamRefused(leg=CALL, reason="error 21220"))
    assert world.ended().status == "completed"


def test_a_leg_is_not_restarted_for_ever() -> None:
    world = World(api=True)
    stream = world.socket(world.call())
    for n in range(5):
        world.lose(stream)
        world.wait(1)
        stream = world.socket(world.asked[n].ticket)
    world.lose(stream)
    world.ended()
    assert len(world.asked) == 5


def test_a_stream_that_the_carrier_could_not_start_is_asked_for_again() -> None:
    world = World(api=True)
    world.call()
    world.tell(StreamReported(leg=CALL, event="failed", error="handshake failed: 31920"))
    world.wait(1)
    assert [each.leg for each in world.asked] == [CALL]


def test_a_recogniser_that_cannot_start_ends_the_call() -> None:
    world = World()
    answer = world.call()
    world.broken = True
    world.socket(answer)
    assert not world.of(ParticipantJoined)
    assert world.ended().status == "completed"


def test_a_second_stream_that_nothing_can_take_does_not_keep_the_call_from_ending() -> None:
    world = World()
    first, second = world.call(), world.call()
    world.socket(first)
    world.broken = True
    newer = world.socket(second)
    world.speak(newer, 0, 400)
    world.tell(SocketClosed(call=CALL, stream=newer.key, reason="refused: no recogniser"))
    world.ended()


def test_the_carriers_own_time_of_the_start_is_used() -> None:
    world = World()
    stream = world.socket(world.call())
    zero = dt.datetime(2026, 1, 15, 10, 0, 1, 200_000, tzinfo=dt.UTC)
    world.report(at=zero)
    world.speak(stream, 0, 10_000)
    world.says("odd")
    call = world.record()
    assert call.at_ms(zero + dt.timedelta(seconds=6)) == 6000
    assert call.at_ms(zero - dt.timedelta(seconds=6)) == 0
    assert call.at_ms(zero + dt.timedelta(seconds=60)) == pytest.approx(9980, abs=5)


def test_one_wild_timestamp_makes_no_call_hours_long() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 6000)
    world.frame(stream, "inbound", 10 * 3600 * 1000)
    world.speak(stream, 6000, 12_000)
    world.stop(stream)
    assert world.ended().duration_ms == 12_000


def test_a_stream_that_goes_on_after_a_leap_is_believed() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 1000)
    world.speak(stream, 3_600_000, 3_601_000)
    world.stop(stream)
    assert world.ended().duration_ms == 3_601_000


def test_a_session_gets_the_flow_of_the_number_that_was_called() -> None:
    own = NumberFlow(phrases=("yes", "no"), endpoint_silence_ms=900)
    world = World(flows=Flows(numbers={"+15005550099": own}))
    for leg, to in ((CALL, OURS), (LEG, "+15005550099")):
        world.socket(world.call(leg, to=to), leg)
    assert [heard.plan for heard in world.heard] == [NumberFlow(), own]


def test_a_pressed_key_is_an_event_where_the_audio_is() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 1000)
    world.press(stream, "5")
    (pressed,) = world.of(DtmfReceived)
    assert (pressed.call, pressed.leg, pressed.track) == (CALL, CALL, "inbound")
    assert (pressed.digit, pressed.at_ms) == ("5", 1000)


# People's wishes


def test_pause_and_resume() -> None:
    world = World(api=True)
    stream = world.socket(world.call())
    world.speak(stream, 0, 1000)
    world.tell(PauseWanted(call=CALL, by="page"), PauseWanted(call=CALL))
    assert world.heard[0].paused
    world.press(stream, "5")
    world.lose(stream)
    world.wait(1)
    again = world.socket(world.asked[0].ticket)
    world.speak(again, 0, 400)
    assert world.heard[1].paused, "a pause outlives a lost socket"
    world.tell(ResumeWanted(call=CALL))
    assert not world.heard[1].paused
    (paused,) = world.of(TranscriptionPaused)
    (resumed,) = world.of(TranscriptionResumed)
    assert (paused.by, paused.at_ms) == ("page", pytest.approx(980, abs=5))
    assert resumed.at_ms > paused.at_ms
    assert not world.of(DtmfReceived), "nothing is kept of what was done meanwhile"


def test_rename_and_swap_reach_what_is_said_next() -> None:
    world = World()
    world.socket(world.call())
    speakers = world.heard[0].speakers
    world.tell(RenameWanted(call=CALL, leg=CALL, track="outbound", name="  Bob  "))
    assert speakers("outbound") == "Bob"
    world.tell(SwapWanted(call=CALL))
    assert (speakers("inbound"), speakers("outbound")) == ("Bob", "Caller")
    assert [(r.track, r.speaker) for r in world.of(SpeakerRenamed)] == [
        ("outbound", "Bob"),
        ("inbound", "Bob"),
        ("outbound", "Caller"),
    ]


@pytest.mark.parametrize(
    ("leg", "name", "said"),
    [(CALL, " ", "needs a name"), (LEG, "X", "no speaker"), (CALL, "Callee", "Someone else")],
)
def test_a_name_that_cannot_be_given(leg: str, name: str, said: str) -> None:
    world = World()
    world.call()
    with pytest.raises(CallscribeError, match=said):
        world.tell(RenameWanted(call=CALL, leg=leg, track="inbound", name=name))
    assert not world.of(SpeakerRenamed)


def test_swap_needs_two_speakers() -> None:
    world = World(flows=Flows(NumberFlow(tracks="inbound")))
    listen = world.call()[0]
    assert isinstance(listen, Listen)
    assert listen.track == "inbound"
    with pytest.raises(CallscribeError, match="exactly two"):
        world.tell(SwapWanted(call=CALL))


@pytest.mark.parametrize(
    "wish", [PauseWanted(call="CAno"), ResumeWanted(call="CAno"), SwapWanted(call="CAno")]
)
def test_nothing_can_be_done_to_a_call_that_is_not_live(wish: AnyFact) -> None:
    with pytest.raises(NotLiveError, match="no live call"):
        World().tell(wish)


# The end of the process, and another one after it


def test_shutdown_saves_what_is_being_said_and_refuses_new_calls() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 100)
    world.tell(Shutdown())
    (end,) = world.of(CallEnded)
    assert (end.status, end.ended_by, end.reason) == ("interrupted", "server", "shutdown")
    assert len(world.of(FinalTranscript)) == 1
    assert world.heard[0].closed == "shutdown"
    assert world.call(LEG) == (Refuse(),)


def test_the_first_end_counts() -> None:
    world = World()
    stream = world.socket(world.call())
    world.speak(stream, 0, 100)
    world.slow = True
    world.stop(stream)
    world.says("completed")
    world.tell(Shutdown())
    world.finish()
    assert world.ended().status == "completed"


def record(status: str, *tracks: TrackRecord) -> Kept:
    summary = CallSummary(id=CALL, sid=CALL, status=status, duration_ms=9000, ended_at="then")  # type: ignore[arg-type]
    return Kept(record=CallRecord(call=summary, tracks=tracks))


TRACK = TrackRecord(
    leg=CALL, stream="MZ1", track="inbound", speaker="Zoe", started_at=ZERO.isoformat()
)


@pytest.mark.parametrize("status", ["completed", "failed", "busy"])
def test_an_old_voice_request_again_does_not_rewrite_a_finished_call(status: str) -> None:
    world = World()
    world.tell(record(status))
    assert world.call() == (HangUp(),)
    assert world.events == []


def test_a_call_that_outlived_its_server_goes_on() -> None:
    world = World()
    world.tell(record("interrupted", TRACK))
    world.wait(20)
    answer = world.call()
    assert words(answer) == ["Listen", "Hold"]
    world.socket(answer)
    assert world.heard[0].offset_ms == 20_000
    assert [p.speaker for p in world.of(ParticipantJoined)] == ["Zoe", "Callee"]


def test_an_old_voice_request_of_an_interrupted_call_leaves_it_as_it_was() -> None:
    world = World()
    world.tell(record("interrupted", TRACK))
    world.call()
    end = world.ended()
    assert (end.status, end.duration_ms) == ("interrupted", 9000)
