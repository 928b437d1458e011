"""The answer flow, and what all flows share."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from callscribe.calls.flows import FlowDefaults, Flows, NumberFlow
from callscribe.calls.registry import RegistryOptions
from callscribe.carrier.resources import CallInfo
from callscribe.carrier.webhook import CallStatusChanged, IncomingCall, StreamStatus
from callscribe.errors import CallscribeError, CarrierError, ModelError, ProtocolError
from callscribe.events import (
    CallEnded,
    CallStarted,
    CallUpdated,
    FinalTranscript,
    GapDetected,
    ParticipantJoined,
    ParticipantLeft,
    SpeakerRenamed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    TranscriptionPaused,
    TranscriptionResumed,
)
from tests.calls.fakes import ALICE, CALL, LEG, OURS, QUICK, World, ticket_in, until


def completed(sid: str = CALL, status: str = "completed") -> CallStatusChanged:
    return CallStatusChanged(call_sid=sid, status=status, sequence=0)


async def test_an_answered_call_from_beginning_to_end() -> None:
    world = World(
        flows=Flows(
            defaults=FlowDefaults(greeting="Hello.", consent="Recorded.", hold_seconds=700)
        ),
        contacts={ALICE: "Alice Adams"},
    )
    twiml = await world.call()
    assert [child.tag for child in twiml] == ["Start", "Say", "Say", "Pause", "Pause"]
    (stream_element,) = twiml[0]
    assert stream_element.attrib["url"].startswith("wss://calls.example.test/twilio/media/")
    assert stream_element.attrib["track"] == "both_tracks"
    assert stream_element.attrib["statusCallback"] == "https://calls.example.test/twilio/stream"
    assert [each.text for each in twiml[1:3]] == ["Recorded.", "Hello."]
    assert [each.attrib["length"] for each in twiml[3:]] == ["600", "100"]
    (started,) = world.of(CallStarted)
    assert (started.from_, started.from_name, started.to) == (ALICE, "Alice Adams", OURS)
    assert (started.direction, started.flow, started.status) == ("inbound", "answer", "in-progress")
    (view,) = world.registry.live()
    assert (view.id, view.streams) == (CALL, 0)

    stream = await world.socket(twiml)
    await world.speak(stream, 155, 2155, "inbound", "outbound")
    assert [(p.track, p.speaker, p.joined_ms) for p in world.of(ParticipantJoined)] == [
        ("inbound", "Alice Adams", 0),
        ("outbound", "Callee", 0),
    ]
    assert len(world.sessions[0].received) == 200

    await world.registry.stream_closed(stream, "stop")
    await world.registry.call_status(completed())
    end = await world.ended()
    assert (end.status, end.ended_by) == ("completed", "Alice Adams")
    assert end.duration_ms == 2155
    assert world.sessions[0].closed == "stop"
    kinds = [type(event) for event in world.events]
    assert kinds.index(StreamStarted) == 1
    assert kinds.index(FinalTranscript) < kinds.index(StreamEnded) < kinds.index(ParticipantLeft)
    assert world.registry.live() == []


async def test_without_a_callback_the_call_ends_after_stop() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.registry.stream_closed(stream, "stop")
    assert (await world.ended()).status == "completed"


async def test_the_callback_may_come_before_stop() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 100)
    await world.registry.call_status(completed())
    assert not world.of(CallEnded)
    await world.registry.stream_closed(stream, "stop")
    assert (await world.ended()).status == "completed"
    assert world.sessions[0].closed == "stop"


async def test_the_callback_ends_the_call_when_stop_never_comes() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 100)
    await world.registry.call_status(completed())
    assert (await world.ended()).status == "completed"
    assert world.sessions[0].closed
    assert stream.superseded.is_set(), "the socket is told to close"
    await world.registry.stream_closed(stream, "socket-lost")


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled", "completed"])
async def test_a_call_that_ends_before_any_socket(status: str) -> None:
    world = World()
    await world.call()
    await world.registry.call_status(completed(status=status))
    assert (await world.ended()).status == status


async def test_repeated_and_late_callbacks_change_nothing() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.registry.stream_closed(stream, "stop")
    for status in ("completed", "completed", "ringing", "in-progress", "no-such-word"):
        await world.registry.call_status(completed(status=status))
    await world.ended()
    await world.registry.call_status(completed())
    await world.registry.stream_status(StreamStatus(call_sid=CALL, event="stream-stopped"))
    assert len(world.of(CallEnded)) == 1


async def test_callbacks_for_unknown_calls_are_passed_over() -> None:
    world = World()
    await world.registry.call_status(completed("CAnobody"))
    await world.registry.stream_status(StreamStatus(call_sid="CAnobody"))
    assert world.events == []


async def test_a_retried_webhook_gets_a_fresh_ticket_for_the_same_record() -> None:
    world = World()
    first, second = await world.call(), await world.call()
    assert ticket_in(first) != ticket_in(second)
    assert len(world.of(CallStarted)) == 1
    await world.socket(second)
    assert world.registry.redeem(ticket_in(second)) is None


async def test_a_second_socket_takes_over() -> None:
    world = World()
    first, second = await world.call(), await world.call()
    older = await world.socket(first)
    await world.speak(older, 0, 400)
    newer = await world.socket(second)
    assert older.superseded.is_set()
    await world.speak(newer, 0, 400)
    await world.registry.stream_closed(older, "taken-over")
    assert world.sessions[0].closed == "taken-over"
    await world.registry.stream_closed(newer, "stop")
    await world.ended()
    assert [s.reason for s in world.of(StreamEnded)] == ["taken-over", "stop"]
    assert world.sessions[1].offset_ms == pytest.approx(380, abs=5)


async def test_a_ticket_is_for_one_call_only() -> None:
    world = World()
    twiml = await world.call()
    with pytest.raises(ProtocolError, match="another call") as raised:
        await world.socket(twiml, sid=LEG)
    assert raised.value.close_code == 1008


async def test_tickets_are_no_good_after_the_call() -> None:
    world = World()
    twiml = await world.call()
    await world.registry.call_status(completed())
    await world.ended()
    assert world.registry.redeem(ticket_in(twiml)) is None
    late = await world.call()
    assert [child.tag for child in late] == ["Hangup"]
    assert len(world.of(CallStarted)) == 1


async def test_a_lost_socket_ends_the_call_after_the_grace() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 100)
    await world.registry.stream_closed(stream, "socket-lost")
    assert not world.of(CallEnded)
    assert (await world.ended()).status == "completed"


async def test_a_lost_socket_is_replaced_by_the_api_and_the_gap_is_shown() -> None:
    world = World(api=True)
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 1000, "inbound", "outbound")
    await world.registry.stream_closed(stream, "socket-lost")
    await until(lambda: bool(world.api.started))
    (asked,) = world.api.started
    assert (asked["call"], asked["track"]) == (CALL, "both_tracks")
    world.now += 3.0
    again = await world.socket(asked["url"])
    await world.speak(again, 100, 600, "inbound", "outbound")
    gaps = [(g.track, g.reason, g.start_ms, g.end_ms) for g in world.of(GapDetected)]
    assert [(track, reason, start) for track, reason, start, _ in gaps] == [
        ("inbound", "socket-lost", 1000),
        ("outbound", "socket-lost", 1000),
    ]
    assert gaps[0][3] == pytest.approx(3980, abs=5)
    assert world.sessions[1].offset_ms == pytest.approx(3880, abs=5)
    assert len(world.of(ParticipantJoined)) == 2
    await world.registry.stream_closed(again, "stop")
    await world.ended()
    assert len(world.of(CallStarted)) == 1


async def test_the_gap_spans_a_second_socket_that_is_lost_before_any_audio() -> None:
    world = World(api=True)
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 1000)
    await world.registry.stream_closed(stream, "socket-lost")
    await until(lambda: len(world.api.started) == 1)
    empty = await world.socket(world.api.started[0]["url"])
    world.now += 1
    await world.registry.stream_closed(empty, "socket-lost")
    await until(lambda: len(world.api.started) == 2)
    world.now += 1
    await world.speak(await world.socket(world.api.started[1]["url"]), 0, 400)
    (gap, _) = world.of(GapDetected)
    assert gap.start_ms == 1000
    assert gap.end_ms == pytest.approx(2980, abs=5)


async def test_a_refused_restart_lets_the_call_end() -> None:
    world = World(api=True)
    world.api.refuse = "error 21220, the call is not in progress"
    stream = await world.socket(await world.call())
    await world.registry.stream_closed(stream, "socket-lost")
    await world.ended()


async def test_a_call_whose_socket_never_opens_ends() -> None:
    world = World(options=RegistryOptions(no_stream_s=0.02))
    await world.call()
    end = await world.ended()
    assert (end.status, end.reason) == ("failed", "the carrier opened no media socket")


async def test_a_stream_that_the_carrier_could_not_start_is_asked_for_again() -> None:
    world = World(api=True)
    await world.call()
    error = StreamStatus(
        call_sid=CALL, event="stream-error", error="handshake failed: 31920", error_code=31920
    )
    await world.registry.stream_status(error)
    await until(lambda: bool(world.api.started))


async def test_a_recogniser_that_cannot_start_ends_the_call_in_words() -> None:
    world = World()
    twiml = await world.call()
    world.broken = True
    with pytest.raises(ModelError, match="broken"):
        await world.socket(twiml)
    assert (await world.ended()).status == "completed"


async def test_a_second_stream_that_nothing_can_take_does_not_keep_the_call_from_ending() -> None:
    world = World()
    first, second = await world.call(), await world.call()
    await world.socket(first)
    world.broken = True
    newer = await world.socket(second)
    with pytest.raises(ModelError):
        await world.speak(newer, 0, 400)
    await world.registry.stream_closed(newer, "refused: no recogniser")
    await world.ended()


async def test_pause_and_resume() -> None:
    world = World(api=True)
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 1000)
    await world.registry.pause(CALL, by="page")
    await world.registry.pause(CALL)
    assert world.sessions[0].paused
    await world.registry.stream_closed(stream, "socket-lost")
    await until(lambda: bool(world.api.started))
    again = await world.socket(world.api.started[0]["url"])
    await world.speak(again, 0, 400)
    assert world.sessions[1].paused, "a pause outlives a lost socket"
    await world.registry.resume(CALL)
    assert not world.sessions[1].paused
    (paused,) = world.of(TranscriptionPaused)
    (resumed,) = world.of(TranscriptionResumed)
    assert (paused.by, paused.at_ms) == ("page", pytest.approx(980, abs=5))
    assert resumed.at_ms > paused.at_ms


async def test_rename_and_swap_reach_what_is_said_next() -> None:
    world = World()
    await world.socket(await world.call())
    speakers = world.sessions[0].speakers
    await world.registry.rename(CALL, CALL, "outbound", "  Bob  ")
    assert speakers("outbound") == "Bob"
    await world.registry.swap(CALL)
    assert (speakers("inbound"), speakers("outbound")) == ("Bob", "Caller")
    assert [(r.track, r.speaker) for r in world.of(SpeakerRenamed)] == [
        ("outbound", "Bob"),
        ("inbound", "Bob"),
        ("outbound", "Caller"),
    ]
    with pytest.raises(CallscribeError, match="needs a name"):
        await world.registry.rename(CALL, CALL, "inbound", " ")
    with pytest.raises(CallscribeError, match="no speaker"):
        await world.registry.rename(CALL, LEG, "inbound", "X")


async def test_a_session_gets_the_flow_of_the_number_that_was_called() -> None:
    own = NumberFlow(phrases=("yes", "no"), endpoint_silence_ms=900)
    world = World(flows=Flows(numbers={"+15005550099": own}))
    for sid, to in ((CALL, OURS), (LEG, "+15005550099")):
        await world.socket(await world.call(sid, to=to), sid)
    assert [session.plan for session in world.sessions] == [NumberFlow(), own]


async def test_swap_needs_two_speakers() -> None:
    world = World(flows=Flows(NumberFlow(tracks="inbound")))
    twiml = await world.call()
    stream = twiml.find("Start/Stream")
    assert stream is not None
    assert stream.attrib["track"] == "inbound_track"
    with pytest.raises(CallscribeError, match="exactly two"):
        await world.registry.swap(CALL)


@pytest.mark.parametrize("what", ["pause", "resume", "swap", "detach"])
async def test_nothing_can_be_done_to_a_call_that_is_not_live(what: str) -> None:
    world = World(api=True)
    with pytest.raises(CallscribeError, match="no live call"):
        await getattr(world.registry, what)("CAnobody")


async def test_closing_saves_what_is_being_said_and_refuses_new_calls() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 100)
    await world.registry.close()
    (end,) = world.of(CallEnded)
    assert (end.status, end.ended_by, end.reason) == ("interrupted", "server", "shutdown")
    assert len(world.of(FinalTranscript)) == 1
    assert world.sessions[0].closed == "shutdown"
    assert [child.tag for child in await world.call(LEG)] == ["Reject"]
    await world.registry.stream_closed(stream, "socket-lost")


async def test_closing_waits_for_calls_that_are_ending_already() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 100)
    slow = asyncio.Event()
    close = world.sessions[0].close

    async def close_slowly(reason: str) -> StreamCounters:
        await slow.wait()
        return await close(reason)

    world.sessions[0].close = close_slowly  # type: ignore[method-assign]
    ending = asyncio.ensure_future(world.registry.stream_closed(stream, "stop"))
    await asyncio.wait_for(world.registry.call_status(completed()), 5)
    assert not world.of(CallEnded), "the carrier's callback is answered before the last words"
    closing = asyncio.ensure_future(world.registry.close())
    await asyncio.sleep(0.02)
    assert not closing.done()
    slow.set()
    await asyncio.gather(closing, ending)
    assert len(world.of(FinalTranscript)) == len(world.of(CallEnded)) == 1


async def test_the_carriers_own_time_of_the_start_is_used() -> None:
    world = World(options=QUICK)
    stream = await world.socket(await world.call())
    zero = dt.datetime(2026, 1, 15, 10, 0, 1, 200_000, tzinfo=dt.UTC)
    await world.registry.stream_status(
        StreamStatus(call_sid=CALL, event="stream-started", at=zero, stream_sid=stream.sid)
    )
    await world.speak(stream, 0, 10_000)
    record = world.registry._book.find(CALL)
    book = world.registry._book
    assert book.at_ms(record, zero + dt.timedelta(seconds=6)) == 6000
    assert book.at_ms(record, zero - dt.timedelta(seconds=6)) == 0
    assert book.at_ms(record, zero + dt.timedelta(seconds=60)) == pytest.approx(9980, abs=5)


async def test_an_outbound_call() -> None:
    world = World(api=True, contacts={ALICE: "Alice"})
    sid = await world.registry.dial(ALICE)
    assert sid == CALL
    assert world.api.created == [
        {
            "to": ALICE,
            "from": OURS,
            "url": "https://calls.example.test/twilio/voice",
            "status": "https://calls.example.test/twilio/status",
        }
    ]
    (started,) = world.of(CallStarted)
    assert (started.direction, started.flow, started.status) == ("outbound", "outbound", "ringing")
    await world.registry.call_status(completed(status="in-progress"))
    answer = await world.registry.incoming(
        IncomingCall(call_sid=CALL, from_=OURS, to=ALICE, direction="outbound-api")
    )
    assert "both_tracks" in answer
    assert [u.status for u in world.of(CallUpdated)] == ["in-progress"]
    stream = await world.socket(answer.split('url="')[1].split('"')[0])
    assert [(p.track, p.speaker, p.number) for p in world.of(ParticipantJoined)] == [
        ("inbound", "Alice", ALICE),
        ("outbound", "Caller", OURS),
    ]
    await world.registry.stream_closed(stream, "stop")
    await world.registry.call_status(completed())
    await world.ended()


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
async def test_an_outbound_call_that_nobody_takes(status: str) -> None:
    world = World(api=True)
    await world.registry.dial(ALICE)
    await world.registry.call_status(completed(status="ringing"))
    await world.registry.call_status(completed(status=status))
    assert (await world.ended()).status == status


async def test_the_voice_request_of_an_outbound_call_may_come_first() -> None:
    world = World(api=True)
    await world.registry.incoming(
        IncomingCall(
            call_sid=CALL, from_=OURS, to=ALICE, direction="outbound-api", status="in-progress"
        )
    )
    await world.registry.dial(ALICE)
    (started,) = world.of(CallStarted)
    assert (started.flow, started.status) == ("outbound", "in-progress")


async def test_attach_and_detach() -> None:
    world = World(api=True, contacts={ALICE: "Alice"})
    with pytest.raises(CarrierError, match="no call"):
        await world.registry.attach(LEG)
    assert world.events == []
    world.api.calls[LEG] = CallInfo(call_sid=LEG, from_=ALICE, to=OURS, direction="inbound")
    assert await world.registry.attach(LEG) == LEG
    (started,) = world.of(CallStarted)
    assert (started.flow, started.from_name) == ("attach", "Alice")
    stream = await world.socket(world.api.started[0]["url"], sid=LEG)
    with pytest.raises(CallscribeError, match="already"):
        await world.registry.attach(LEG)
    await world.registry.rename(LEG, LEG, "inbound", "Zoe")
    await world.registry.detach(LEG)
    assert world.api.stopped == [(LEG, stream.sid)]
    await world.registry.stream_closed(stream, "stop")
    end = await world.ended()
    assert (end.status, end.reason) == ("completed", "detached")
    # Attached again, it is the same record, and its line goes on.
    world.now += 10
    assert await world.registry.attach(LEG) == LEG
    again = await world.socket(world.api.started[1]["url"], sid=LEG)
    await world.speak(again, 0, 400)
    assert world.sessions[1].offset_ms == pytest.approx(10_000, abs=5)
    assert [p.speaker for p in world.of(ParticipantJoined)] == ["Alice", "Callee", "Zoe", "Callee"]


async def test_attach_that_the_carrier_refuses_leaves_an_ended_record() -> None:
    world = World(api=True)
    world.api.calls[LEG] = CallInfo(call_sid=LEG)
    world.api.refuse = "error 21220"
    with pytest.raises(CarrierError):
        await world.registry.attach(LEG)
    assert (await world.ended()).status == "failed"


@pytest.mark.parametrize("status", ["queued", "ringing", "completed", "busy"])
async def test_attach_to_a_call_that_is_not_in_progress_leaves_no_trace(status: str) -> None:
    world = World(api=True)
    world.api.calls[LEG] = CallInfo(call_sid=LEG, status=status)
    with pytest.raises(CallscribeError, match=f"not in progress: the carrier says {status}"):
        await world.registry.attach(LEG)
    assert world.events == []


async def test_without_an_account_outbound_and_attach_say_what_is_missing() -> None:
    world = World()
    for wish in (
        world.registry.dial(ALICE),
        world.registry.attach(CALL),
        world.registry.detach(CALL),
    ):
        with pytest.raises(CallscribeError, match="TWILIO_ACCOUNT_SID"):
            await wish
