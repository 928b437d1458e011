"""The schedule of a stream's messages, faults included."""

from __future__ import annotations

import base64
import itertools
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.simulator.frames import Due, Faults, MediaSchedule, TrackName


def schedule(faults: Faults | None = None, seed: int = 1) -> MediaSchedule:
    return MediaSchedule(
        account_sid="AC" + "0" * 32,
        call_sid="CA" + "0" * 32,
        stream_sid="MZ" + "0" * 32,
        tracks=("inbound", "outbound"),
        parameters={"role": "caller"},
        rng=random.Random(seed),
        faults=faults or Faults(),
        first_timestamp_ms=155,
    )


def play(plan: MediaSchedule, slots: list[tuple[bool, bool]]) -> list[Due]:
    sent: list[Due] = []
    for index, (inbound, outbound) in enumerate(slots):
        audio: dict[TrackName, bytes | None] = {
            "inbound": bytes([index % 256]) * 160 if inbound else None,
            "outbound": bytes([255 - index % 256]) * 160 if outbound else None,
        }
        sent += plan.slot(index, audio)
    return sent + plan.closing(len(slots))


def messages(sent: list[Due]) -> list[dict[str, Any]]:
    return [json.loads(due.text) for due in sent]


def test_a_good_line_counts_as_the_carrier_does() -> None:
    plan = schedule()
    connected, start = (json.loads(text) for text in plan.opening())
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["sequenceNumber"] == "1"
    sent = play(plan, [(True, index >= 5) for index in range(10)])
    found = messages(sent)
    assert [m["sequenceNumber"] for m in found] == [str(n) for n in range(2, 2 + len(found))]
    assert found[-1]["event"] == "stop"
    outbound = [m["media"] for m in found[:-1] if m["media"]["track"] == "outbound"]
    assert [m["chunk"] for m in outbound] == ["1", "2", "3", "4", "5"]
    first = found[0]["media"]
    assert abs(int(first["timestamp"]) - 155) <= 1
    assert len(base64.b64decode(first["payload"])) == 160
    assert len(first["payload"]) == 216
    assert [due.at_ms for due in sent[:2]] == [20, 40]


FAULTS = st.builds(
    Faults,
    jitter_ms=st.sampled_from([0.0, 15.0, 200.0]),
    reorder=st.sampled_from([0.0, 0.2, 1.0]),
    loss=st.sampled_from([0.0, 0.2, 1.0]),
    duplicate=st.sampled_from([0.0, 0.2]),
    stall_at_s=st.sampled_from([0.0, 0.1]),
    stall_s=st.sampled_from([0.0, 0.5]),
    no_stop=st.booleans(),
)
SLOTS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


@given(FAULTS, SLOTS, st.integers(0, 1000))
def test_every_message_is_sent_once_lost_on_purpose_or_repeated_and_never_early(
    faults: Faults, slots: list[tuple[bool, bool]], seed: int
) -> None:
    plan = schedule(faults, seed)
    plan.opening()
    sent = play(plan, slots)
    assert all(a.at_ms <= b.at_ms for a, b in itertools.pairwise(sent))
    media = [m for m in messages(sent) if m["event"] == "media"]
    for position, track in enumerate(("inbound", "outbound")):
        spoken = sum(slot[position] for slot in slots)
        counters = plan.counters[track]  # type: ignore[index]
        of_track = [m["media"] for m in media if m["media"]["track"] == track]
        assert len(of_track) == counters.frames + counters.duplicated
        assert counters.frames + counters.lost == spoken
        by_chunk = sorted({int(m["chunk"]): int(m["timestamp"]) for m in of_track}.items())
        stamps = [stamp for _, stamp in by_chunk]
        assert stamps == sorted(set(stamps))
    for due in sent:
        message = json.loads(due.text)
        if message["event"] == "media":
            # Never before it was heard: timestamps count from the stream's start at 155.
            assert due.at_ms >= int(message["media"]["timestamp"]) - 155 - 4 + 16
    stops = [m for m in messages(sent) if m["event"] == "stop"]
    assert len(stops) == (0 if faults.no_stop else 1)


@given(st.integers(0, 1000))
def test_a_reordered_message_is_at_most_three_places_late(seed: int) -> None:
    plan = schedule(Faults(reorder=0.3), seed)
    plan.opening()
    media = [m for m in messages(play(plan, [(True, False)] * 50)) if m["event"] == "media"]
    for place, message in enumerate(media):
        overtakers = [
            m for m in media[:place] if int(m["media"]["chunk"]) > int(message["media"]["chunk"])
        ]
        assert len(overtakers) <= 3


def test_a_stall_holds_everything_back_and_then_releases_it() -> None:
    sent = play(schedule(Faults(stall_at_s=0.1, stall_s=0.5)), [(True, False)] * 50)
    assert not [due for due in sent if 100 <= due.at_ms < 600]
    assert len([due for due in sent if due.at_ms == 600]) == 26


def test_faults_that_make_no_sense_are_refused() -> None:
    for wrong in ({"loss": 1.5}, {"reorder": -1.0}, {"frame_ms": 30}, {"jitter_ms": -1.0}):
        with pytest.raises(ValueError, match=r"share|multiple|negative"):
            Faults(**wrong)
