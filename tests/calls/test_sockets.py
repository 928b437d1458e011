"""Media sockets, on the answer flow."""

from __future__ import annotations

import datetime as dt

import pytest

from callscribe.calls.flows import Flows, NumberFlow
from callscribe.carriers.twilio.stream import Dtmf
from callscribe.carriers.twilio.webhook import StreamStatus
from callscribe.errors import ModelError, ProtocolError
from callscribe.events import (
    CallEnded,
    CallStarted,
    DtmfReceived,
    GapDetected,
    ParticipantJoined,
    StreamEnded,
)
from tests.calls.fakes import CALL, LEG, OURS, QUICK, World, until


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


async def test_the_carriers_own_time_of_the_start_is_used() -> None:
    world = World(options=QUICK)
    stream = await world.socket(await world.call())
    zero = dt.datetime(2026, 1, 15, 10, 0, 1, 200_000, tzinfo=dt.UTC)
    await world.registry.stream_status(
        StreamStatus(call_sid=CALL, event="stream-started", at=zero, stream_sid=stream.sid)
    )
    await world.speak(stream, 0, 10_000)
    record = world.book.find(CALL)
    book = world.book
    assert book.at_ms(record, zero + dt.timedelta(seconds=6)) == 6000
    assert book.at_ms(record, zero - dt.timedelta(seconds=6)) == 0
    assert book.at_ms(record, zero + dt.timedelta(seconds=60)) == pytest.approx(9980, abs=5)


async def test_a_session_gets_the_flow_of_the_number_that_was_called() -> None:
    own = NumberFlow(phrases=("yes", "no"), endpoint_silence_ms=900)
    world = World(flows=Flows(numbers={"+15005550099": own}))
    for sid, to in ((CALL, OURS), (LEG, "+15005550099")):
        await world.socket(await world.call(sid, to=to), sid)
    assert [session.plan for session in world.sessions] == [NumberFlow(), own]


async def test_a_pressed_key_is_an_event_where_the_audio_is() -> None:
    world = World()
    stream = await world.socket(await world.call())
    await world.speak(stream, 0, 1000)
    world.registry.digit_pressed(stream, Dtmf("inbound", "5"))
    await until(lambda: bool(world.of(DtmfReceived)))
    (pressed,) = world.of(DtmfReceived)
    assert (pressed.call, pressed.leg, pressed.track) == (CALL, CALL, "inbound")
    assert (pressed.digit, pressed.at_ms) == ("5", 1000)
