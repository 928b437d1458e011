"""The answer flow, and what all flows share."""

from __future__ import annotations

import asyncio

import pytest

from callscribe.calls.flows import FlowDefaults, Flows, NumberFlow
from callscribe.carriers.twilio.webhook import StreamStatus
from callscribe.errors import CallscribeError
from callscribe.events import (
    CallEnded,
    CallStarted,
    FinalTranscript,
    ParticipantJoined,
    ParticipantLeft,
    SpeakerRenamed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    TranscriptionPaused,
    TranscriptionResumed,
)
from tests.calls.fakes import ALICE, CALL, LEG, OURS, World, completed, ticket_in, until


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


async def test_tickets_are_no_good_after_the_call() -> None:
    world = World()
    twiml = await world.call()
    await world.registry.call_status(completed())
    await world.ended()
    assert world.registry.redeem(ticket_in(twiml)) is None
    late = await world.call()
    assert [child.tag for child in late] == ["Hangup"]
    assert len(world.of(CallStarted)) == 1


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
