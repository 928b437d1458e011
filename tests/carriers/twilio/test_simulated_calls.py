"""The carrier's routes and the registry under the simulated carrier: whole calls over real sockets, in real time."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from callscribe.calls.plans import NumberFlow
from callscribe.carriers.twilio.client import CarrierClient
from callscribe.events import (
    CallEnded,
    CallStarted,
    CallUpdated,
    FinalTranscript,
    GapDetected,
    ParticipantJoined,
    ParticipantLeft,
    StreamEnded,
    StreamStarted,
)
from callscribe.simulator.frames import Faults
from callscribe.simulator.report import CallReport
from callscribe.simulator.run import RestOn, simulate_calls
from callscribe.simulator.run import Server as Phoned
from callscribe.simulator.script import CallbackFaults, CallScript, DialResult, Party
from tests.calls.sessions import QUICK, until
from tests.carriers.twilio.serving import TOKEN, Server, serving

BOB = "+15005550020"
ACCOUNT = "AC" + "01" * 16
CONFERENCE = NumberFlow(flow="conference", room="support")
FORWARD = NumberFlow(flow="forward", to=(BOB,))


def person(number: str, seconds: float = 1.5, **more: Any) -> Party:
    return Party(number, bytes([number.encode()[-1]]) * round(seconds * 8000), **more)


async def phone(
    server: Server, script: CallScript, *, may_log: tuple[int, ...] = (), **more: Any
) -> CallReport:
    (report,) = await simulate_calls(
        [script],
        Phoned(server.origin),
        auth_token=TOKEN,
        account_sid=ACCOUNT,
        seed=1,
        **more,
    )
    assert [error for error in report.errors if error.code not in may_log] == []
    await until(lambda: len(server.of(CallEnded)) == 1)
    return report


async def test_a_conference_of_five_is_one_record_on_one_line() -> None:
    people = [person(f"+1500555001{n}") for n in range(5)]
    script = CallScript(
        people[0], others=tuple(people[1:]), conference=True, stagger_s=0.3, tail_ms=300
    )
    async with serving(flow=CONFERENCE) as server:
        report = await phone(
            server, script, callback_faults=CallbackFaults(delay_s=0.5, repeat=0.5)
        )
        offsets = {s.stream: s.offset_ms for s in server.of(StreamStarted)}
        # All hear the conversation begin at the same moment, each on a line of its own.
        begins = [offsets[s.sid] + (s.conversation_ms or 0) for s in report.all_streams()]
        assert len(begins) == 5
        assert max(begins) - min(begins) <= 100
        assert len(server.of(CallStarted)) == 1
        assert len(server.of(ParticipantJoined)) == len(server.of(ParticipantLeft)) == 5
        assert {final.speaker for final in server.of(FinalTranscript)} == {p.number for p in people}
        for sent in report.all_streams():
            (session,) = [s for s in server.sessions if s.stream == sent.sid]
            assert sum(len(payload) for _, _, payload in session.received) == sent.bytes


async def test_a_forwarded_call_with_callbacks_late_and_twice() -> None:
    script = CallScript(
        person("+15005550010"), others=(person(BOB, rings_s=0.5),), hangup_by="callee", tail_ms=300
    )
    async with serving(flow=FORWARD) as server:
        report = await phone(
            server, script, callback_faults=CallbackFaults(delay_s=0.4, repeat=0.5)
        )
        (session,) = server.sessions
        (stream,) = report.streams
        assert stream.conversation_ms is not None
        assert session.released["outbound"] <= stream.conversation_ms
        dial = [u.dial for u in server.of(CallUpdated) if u.dial][-1]
        assert (dial.status, dial.to) == ("completed", BOB)
        (end,) = server.of(CallEnded)
        assert (end.status, end.ended_by) == ("completed", "Callee")


@pytest.mark.parametrize("result", ["busy", "no-answer", "failed"])
async def test_a_forwarded_call_that_nobody_takes(result: DialResult) -> None:
    plan = NumberFlow(flow="forward", to=(BOB,), timeout=5, no_answer="hangup")
    script = CallScript(person("+15005550010"), others=(person(BOB, rings_s=0.3, result=result),))
    async with serving(flow=plan) as server:
        await phone(server, script, speed=2.0)
        dial = [u.dial for u in server.of(CallUpdated) if u.dial][-1]
        assert (dial.status, dial.answered_ms) == (result, None)
        assert server.sessions[0].released == {}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_lost_socket_is_replaced_through_the_rest_api() -> None:
    port = free_port()
    client = CarrierClient(ACCOUNT, TOKEN, base_url=f"http://127.0.0.1:{port}")
    script = CallScript(
        person("+15005550010", seconds=3.0),
        others=(person(BOB, seconds=3.0),),
        faults=Faults(abrupt_close_at_s=1.0),
    )
    options = dataclasses.replace(QUICK, restart_s=0.4, lost_grace_s=3.0)
    async with serving(api=client, options=options) as server:
        # Every socket breaks off after a second; the last one may be asked for as the call ends, and be refused.
        await phone(server, script, rest=RestOn(port), may_log=(31921,))
        assert server.of(StreamEnded)[0].reason == "socket-lost"
        assert len(server.of(StreamStarted)) >= 2
        assert len(server.of(CallStarted)) == 1
        gaps: Sequence[GapDetected] = server.of(GapDetected)
        assert {(gap.track, gap.reason) for gap in gaps} == {
            ("inbound", "socket-lost"),
            ("outbound", "socket-lost"),
        }
        heard = [session for session in server.sessions if session.received]
        for session, lost in zip(heard[1:], gaps[::2], strict=True):
            _, first_ms, _ = session.received[0]
            assert session.offset_ms + first_ms == lost.end_ms
