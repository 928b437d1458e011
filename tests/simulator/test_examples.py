"""What the simulator sends, field by field beside the logs of real and documented traffic."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest

from callscribe.simulator import params, signing
from callscribe.simulator.frames import Faults, MediaSchedule
from callscribe.simulator.interpreter import DialOutcome
from callscribe.simulator.params import CallFacts

EXAMPLES = Path(__file__).parents[2].parent / "shared/docs/twilio-examples"
TOKEN = "0123456789abcdef0123456789abcdef"

pytestmark = pytest.mark.skipif(
    not EXAMPLES.exists(), reason="needs ../shared/docs/twilio-examples"
)


def log(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (EXAMPLES / name).read_text().splitlines()]


def forwarded(number: object) -> dict[str, Any]:
    return next(entry for entry in log("03_http_forwarded_call.jsonl") if entry["n"] == number)


CALLER_LEG = CallFacts(
    "AC0123456789abcdef0123456789abcdef",
    "CAa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
    "+15005550010",
    "+15005550006",
    "inbound",
    call_token="%7B%22parentCallInfoToken%22%3A%22example%22%7D",
)
CALLEE_LEG = CallFacts(
    CALLER_LEG.account_sid,
    "CAb2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2",
    "+15005550010",
    "+15005550011",
    "outbound-dial",
    CALLER_LEG.call_sid,
)


def test_signatures_of_every_logged_request() -> None:
    checked = 0
    for name in ("03_http_forwarded_call.jsonl", "04_http_conference_and_rtt.jsonl"):
        for entry in log(name):
            signature = signing.sign(TOKEN, entry["url"], entry.get("form", {}).items())
            assert signature == entry["headers"]["X-Twilio-Signature"]
            checked += 1
    assert checked == 25


def same_fields(form: params.Form, entry: dict[str, Any], *, but: set[str]) -> None:
    """The same names; the same values save for those that are made up differently."""
    ours, theirs = dict(form), entry["form"]
    assert set(ours) == set(theirs)
    places = {n for n in ours if n.endswith(("City", "State", "Zip", "Country"))}
    for name in set(ours) - but - places:
        assert ours[name] == theirs[name], name


def test_the_voice_webhook_in_the_same_order() -> None:
    entry = forwarded(1)
    form = params.call_params(CALLER_LEG, "ringing")
    assert [name for name, _ in form] == list(entry["form"])
    same_fields(form, entry, but=set())


def test_stream_status_callbacks() -> None:
    for number, event in ((2, "stream-started"), (8, "stream-stopped")):
        entry = forwarded(number)
        form = params.stream_status_params(
            CALLER_LEG,
            stream_sid=entry["form"]["StreamSid"],
            name="main",
            event=event,
            timestamp=entry["form"]["Timestamp"],
        )
        assert form == list(entry["form"].items())


@pytest.mark.parametrize(
    ("number", "status", "duration"),
    [(3, "initiated", None), (4, "ringing", None), (5, "in-progress", None), (6, "completed", 42)],
)
def test_callbacks_of_a_dialled_leg(number: int, status: str, duration: int | None) -> None:
    entry = forwarded(number)
    form = params.call_status_params(
        CALLEE_LEG,
        status,
        timestamp=entry["form"]["Timestamp"],
        sequence=number - 3,
        duration_s=duration,
        sip_code=200 if duration else None,
    )
    same_fields(form, entry, but=set())


def test_the_action_of_a_dial() -> None:
    entry = forwarded(7)
    outcome = DialOutcome("completed", CALLEE_LEG.call_sid, 42, bridged=True)
    form = params.call_params(CALLER_LEG, "in-progress")
    same_fields([*form, *outcome.action_params()], entry, but=set())


def test_the_numbers_status_callback() -> None:
    entry = forwarded(9)
    form = params.call_status_params(
        CALLER_LEG,
        "completed",
        timestamp=entry["form"]["Timestamp"],
        sequence=0,
        duration_s=49,
    )
    same_fields(form, entry, but=set())


def test_the_messages_of_a_stream() -> None:
    entries = log("01_start_stream_both_tracks.jsonl")
    start = entries[1]["start"]
    plan = MediaSchedule(
        account_sid=start["accountSid"],
        call_sid=start["callSid"],
        stream_sid=start["streamSid"],
        tracks=start["tracks"],
        parameters=start["customParameters"],
        rng=random.Random(1),
        faults=Faults(),
        first_timestamp_ms=158,
    )
    lines = (EXAMPLES / "01_start_stream_both_tracks.jsonl").read_text().splitlines()
    assert plan.opening() == lines[:2]

    slots: dict[int, dict[str, str]] = {}
    for entry in entries[2:-1]:
        media = entry["media"]
        slot = round((int(media["timestamp"]) - 158) / 20)
        slots.setdefault(slot, {})[media["track"]] = media["payload"]
    sent: list[str] = []
    for index in range(max(slots) + 1):
        audio = {t: _bytes(slots.get(index, {}).get(t)) for t in ("inbound", "outbound")}
        sent += [due.text for due in plan.slot(index, audio)]  # type: ignore[arg-type]
    sent += [due.text for due in plan.closing(max(slots) + 1)]
    assert len(sent) == len(lines) - 2
    for ours, theirs in zip(sent, lines[2:], strict=True):
        mine, real = json.loads(ours), json.loads(theirs)
        assert list(mine) == list(real)
        if mine["event"] == "media":
            assert list(mine["media"]) == list(real["media"])
            assert (
                abs(int(mine["media"].pop("timestamp")) - int(real["media"].pop("timestamp"))) <= 4
            )
        assert mine == real


def _bytes(payload: str | None) -> bytes | None:
    return None if payload is None else base64.b64decode(payload)
