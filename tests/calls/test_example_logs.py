"""The example logs of the carrier's requests, replayed in their own and in other orders."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from callscribe.calls.flows import Flows, NumberFlow
from callscribe.carriers.twilio import webhook
from callscribe.carriers.twilio.webhook import Form
from callscribe.events import (
    CallEnded,
    CallUpdated,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
)
from tests.calls.fakes import CALL, LEG, World

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "docs" / "twilio-examples"

pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="../shared/docs/twilio-examples is not here"
)


def requests(name: str) -> list[tuple[str, Form]]:
    entries = map(json.loads, (EXAMPLES / f"{name}.jsonl").read_text().splitlines())
    return [
        (entry["url"].rpartition("/")[2], Form.parse(entry["body"].encode()))
        for entry in entries
        if "body" in entry
    ]


async def replay(w: World, steps: list[tuple[str, Form]]) -> None:
    registry = w.registry
    for path, form in steps:
        if path == "leg":
            await registry.leg_status(webhook.parse_leg_status(form))
        elif path == "dial-done":
            await registry.dial_finished(webhook.parse_dial_finished(form))
        elif path == "stream-status":
            await registry.stream_status(webhook.parse_stream_status(form))
        elif path == "call-status":
            await registry.call_status(webhook.parse_call_status(form))
        elif path == "conf":
            await registry.conference_status(webhook.parse_conference_event(form))


@pytest.mark.parametrize("seed", range(6))
async def test_a_forwarded_call(seed: int) -> None:
    steps = requests("03_http_forwarded_call")
    (path, form), *rest = steps
    assert path == "voice"
    w = World(flows=Flows(NumberFlow(flow="forward", to=("+15005550011",))))
    await w.registry.incoming(webhook.parse_incoming_call(form))
    stream = await w.socket(await w.call())
    started = [step for step in rest if step[0] == "stream-status"][:1]
    await replay(w, started)
    await w.speak(stream, 158, 49_000, "inbound", "outbound")
    *others, last = [step for step in rest if step not in started]
    if seed:
        random.Random(seed).shuffle(others)
    await replay(w, others)
    await w.registry.stream_closed(stream, "stop")
    await replay(w, [last])
    end = await w.ended()
    assert (end.status, end.ended_by) == ("completed", "Callee")
    dial = [update.dial for update in w.of(CallUpdated) if update.dial][-1]
    assert (dial.status, dial.to, dial.duration_s) == ("completed", "+15005550011", 42)
    # The stream began at 10:00:01.204, the leg answered at 10:00:07.
    assert dial.answered_ms == 5796
    assert dial.ended_ms == 47_796
    assert w.sessions[0].released["outbound"] <= 5796


@pytest.mark.parametrize("seed", range(6))
async def test_a_conference(seed: int) -> None:
    steps = [step for step in requests("04_http_conference_and_rtt") if step[0] == "conf"]
    if seed:
        random.Random(seed).shuffle(steps)
    w = World(flows=Flows(NumberFlow(flow="conference", room="room-7")))
    streams = []
    for sid, number in ((CALL, "+15005550010"), (LEG, "+15005550011")):
        twiml = await w.call(sid, from_=number)
        streams.append(await w.socket(twiml, sid, ("inbound",)))
        await w.speak(streams[-1], 0, 1000)
    await replay(w, steps)
    for stream in streams:
        await w.registry.stream_closed(stream, "stop")
    end = await w.ended()
    assert end.ended_by == "+15005550010"
    assert {update.conference_sid for update in w.of(CallUpdated)} == {"CF" + "e5" * 16}
    assert len(w.of(ParticipantJoined)) == len(w.of(ParticipantLeft)) == 2
    if not seed:
        assert [update.muted for update in w.of(ParticipantUpdated)] == [True, False]
    assert len(w.of(CallEnded)) == 1
