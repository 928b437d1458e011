"""Calls placed by us, and calls attached to."""

from __future__ import annotations

import datetime as dt

import pytest

from callscribe.carriers.twilio.resources import CallInfo
from callscribe.carriers.twilio.webhook import IncomingCall
from callscribe.errors import CallscribeError, CarrierError
from callscribe.events import (
    CallStarted,
    CallUpdated,
    ParticipantJoined,
)
from callscribe.records import CallRecord, CallSummary, TrackRecord
from tests.calls.fakes import ALICE, CALL, LEG, OURS, World, completed


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


async def test_attached_again_after_a_restart_the_line_goes_on() -> None:
    began = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=60)
    track = TrackRecord(
        leg=LEG, stream="MZ1", track="inbound", speaker="Zoe", started_at=began.isoformat()
    )
    kept = CallRecord(call=CallSummary(id=LEG, sid=LEG, duration_ms=20_000), tracks=(track,))
    world = World(api=True, contacts={ALICE: "Alice"}, kept=kept)
    world.api.calls[LEG] = CallInfo(call_sid=LEG, from_=ALICE, to=OURS, direction="inbound")
    assert await world.registry.attach(LEG) == LEG
    stream = await world.socket(world.api.started[0]["url"], sid=LEG)
    assert world.sessions[0].offset_ms == pytest.approx(60_000, abs=5000)
    assert [p.speaker for p in world.of(ParticipantJoined)] == ["Zoe", "Callee"]
    await world.speak(stream, 0, 1000)
    await world.registry.stream_closed(stream, "stop")
    assert (await world.ended()).duration_ms == world.sessions[0].offset_ms + 1000


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
