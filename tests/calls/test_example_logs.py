"""The example logs of the carrier's requests, replayed in their own and in other orders."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from callscribe.calls.plans import Flows, NumberFlow
from callscribe.carriers.base import CarrierFact
from callscribe.carriers.twilio import facts, webhook
from callscribe.carriers.twilio.webhook import Form
from callscribe.events import (
    CallEnded,
    CallUpdated,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
)
from tests.calls.world import CALL, LEG, World

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "docs" / "twilio-examples"

pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="../shared/docs/twilio-examples is not here"
)


READ: dict[str, Callable[[Form], CarrierFact | None]] = {
    "voice": lambda form: facts.call_came(webhook.parse_incoming_call(form)),
    "leg": lambda form: facts.dialed_leg_changed(webhook.parse_leg_status(form)),
    "dial-done": lambda form: facts.dial_over(webhook.parse_dial_finished(form)),
    "stream-status": lambda form: facts.stream_reported(webhook.parse_stream_status(form)),
    "call-status": lambda form: facts.leg_changed(webhook.parse_call_status(form)),
    "conf": lambda form: facts.in_room(webhook.parse_conference_event(form)),
}


def requests(name: str) -> list[tuple[str, Form]]:
    entries = map(json.loads, (EXAMPLES / f"{name}.jsonl").read_text().splitlines())
    return [
        (entry["url"].rpartition("/")[2], Form.parse(entry["body"].encode()))
        for entry in entries
        if "body" in entry
    ]


def replay(w: World, steps: list[tuple[str, Form]]) -> None:
    for path, form in steps:
        if path in READ:
            fact = READ[path](form)
            if fact is not None:
                w.tell(fact)


@pytest.mark.parametrize("seed", range(6))
def test_a_forwarded_call(seed: int) -> None:
    steps = requests("03_http_forwarded_call")
    (path, form), *rest = steps
    assert path == "voice"
    w = World(flows=Flows(NumberFlow(flow="forward", to=("+15005550011",))))
    replay(w, [(path, form)])
    stream = w.socket(w.call())
    started = [step for step in rest if step[0] == "stream-status"][:1]
    replay(w, started)
    w.speak(stream, 158, 49_000, "inbound", "outbound", step_ms=200)
    *others, last = [step for step in rest if step not in started]
    if seed:
        random.Random(seed).shuffle(others)
    replay(w, others)
    w.stop(stream)
    replay(w, [last])
    end = w.ended()
    assert (end.status, end.ended_by) == ("completed", "Callee")
    dial = [update.dial for update in w.of(CallUpdated) if update.dial][-1]
    assert (dial.status, dial.to, dial.duration_s) == ("completed", "+15005550011", 42)
    # The stream began at 10:00:01.204, the leg answered at 10:00:07.
    assert dial.answered_ms == 5796
    assert dial.ended_ms == 47_796
    assert w.heard[0].released["outbound"] <= 5796


@pytest.mark.parametrize("seed", range(6))
def test_a_conference(seed: int) -> None:
    steps = [step for step in requests("04_http_conference_and_rtt") if step[0] == "conf"]
    if seed:
        random.Random(seed).shuffle(steps)
    w = World(flows=Flows(NumberFlow(flow="conference", room="room-7")))
    streams = []
    for sid, number in ((CALL, "+15005550010"), (LEG, "+15005550011")):
        twiml = w.call(sid, from_=number)
        streams.append(w.socket(twiml, sid, ("inbound",)))
        w.speak(streams[-1], 0, 1000)
    replay(w, steps)
    for stream in streams:
        w.stop(stream)
    end = w.ended()
    assert end.ended_by == "+15005550010"
    assert {update.conference_sid for update in w.of(CallUpdated)} == {"CF" + "e5" * 16}
    assert len(w.of(ParticipantJoined)) == len(w.of(ParticipantLeft)) == 2
    if not seed:
        assert [update.muted for update in w.of(ParticipantUpdated)] == [True, False]
    assert len(w.of(CallEnded)) == 1
