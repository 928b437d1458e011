"""The tests' own store keeps the contract, and tells the same of any events as the real one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallStatus,
    CallUpdated,
    Dial,
    DtmfReceived,
    FinalTranscript,
    Flow,
    GapDetected,
    GapReason,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    SpeakerRenamed,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.store.sqlite import SqliteStore
from tests.store.contract import Opening, StoreContract
from tests.store.memory import Disk


class TestContract(StoreContract):
    @pytest.fixture
    def opening(self) -> Opening:
        return Disk().open


call = st.sampled_from(["CA0000001", "CA0000002", "CB0000001"])
leg = st.sampled_from(["CA0000001", "CA0000009"])
track = st.sampled_from(get_args(Track))
name = st.sampled_from(["", "Alice", "Bob", "Zoë"])
ms = st.integers(0, 9) | st.integers(0, 100_000)
at = st.integers(0, 59).map(lambda second: f"2026-01-15T10:00:{second:02}.000Z")
text = st.sampled_from(["", "Hello.", "Four hundred."])
maybe = st.none() | st.booleans()
number = st.sampled_from(["", "+15005550010"])
common = {"call": call, "at": at}
placed = common | {"leg": leg, "track": track}


events: st.SearchStrategy[AnyEvent] = st.one_of(
    st.builds(
        CallStarted,
        **common,
        from_=number,
        from_name=name,
        flow=st.sampled_from(get_args(Flow)),
        room=name,
    ),
    st.builds(
        CallUpdated,
        **common,
        status=st.none() | st.sampled_from(get_args(CallStatus)),
        conference_sid=st.sampled_from(["", "CF0000001"]),
        on_hold=maybe,
        dial=st.none()
        | st.builds(Dial, status=name, to=number, name=name, leg=st.just("") | leg, answered_ms=ms),
    ),
    st.builds(
        CallEnded,
        **common,
        status=st.sampled_from(get_args(CallStatus)),
        duration_ms=ms,
        reason=name,
    ),
    st.builds(
        ParticipantJoined,
        **placed,
        speaker=name,
        joined_ms=ms,
        number=number,
        muted=st.booleans(),
        on_hold=st.booleans(),
    ),
    st.builds(ParticipantUpdated, **placed, muted=maybe, on_hold=maybe),
    st.builds(ParticipantLeft, **placed, left_ms=ms, reason=name),
    st.builds(SpeakerRenamed, **placed, speaker=name),
    st.builds(
        StreamStarted,
        **common,
        leg=leg,
        stream=st.sampled_from(["MZ1", "MZ2"]),
        tracks=st.lists(track, unique=True).map(tuple),
        offset_ms=ms,
    ),
    st.builds(
        StreamEnded,
        **common,
        leg=leg,
        stream=st.sampled_from(["MZ1", "MZ2"]),
        reason=name,
        counters=st.builds(StreamCounters, frames=ms),
    ),
    st.builds(
        FinalTranscript,
        **placed,
        speaker=name,
        utterance=st.sampled_from(["u1", "u2", "u3"]),
        revision=st.integers(1, 3),
        text=text,
        raw_text=text,
        start_ms=ms,
        end_ms=ms,
        words=st.just(()),
    ),
    st.builds(
        GapDetected,
        **placed,
        start_ms=ms,
        end_ms=ms,
        reason=st.sampled_from(get_args(GapReason)),
    ),
    st.builds(DtmfReceived, **placed, digit=st.just("1"), at_ms=ms),
    st.builds(TranscriptionPaused, **common, at_ms=ms),
    st.builds(TranscriptionResumed, **common, at_ms=ms),
)


@settings(
    max_examples=60, phases=[Phase.generate]
)  # each example is a file: shrinking takes minutes
@given(st.lists(st.lists(events, max_size=6), max_size=6))
def test_it_tells_the_same_as_the_real_one(batches: list[list[AnyEvent]]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteStore.open(Path(folder)) as real,
        Disk().open() as memory,
    ):
        for batch in batches:
            assert real.append(batch) == memory.append(batch)
        assert real.events_after(0) == memory.events_after(0)
        ends = real.interruptions()
        assert ends == memory.interruptions()
        assert real.append(ends) == memory.append(ends)
        assert real.calls() == memory.calls()
        for sid in ("CA0000001", "CA0000002", "CA0000009", "CF0000001", "CA00000", "CB0000"):
            assert real.matching(sid) == memory.matching(sid)
            assert real.call(sid) == memory.call(sid)
