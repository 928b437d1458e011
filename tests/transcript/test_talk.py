"""Who spoke for how long, and when two at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.events import FinalTranscript
from callscribe.records import TalkRecord
from callscribe.transcript.talk import overlaps, talk
from tests.web.script import bank

SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from("abc")), max_size=12
)


def test_a_call() -> None:
    _, events = bank()
    said = [event for event in events if isinstance(event, FinalTranscript)]
    found = talk(said)
    assert found.overlap_ms == 700
    assert sum(each.end_ms - each.start_ms for each in found.overlaps) == 700
    assert [each.spoken_ms for each in found.people] == [
        sum(f.end_ms - f.start_ms for f in said if f.speaker == name)
        for name in dict.fromkeys(f.speaker for f in said)
    ]


def test_nobody() -> None:
    assert talk([]) == TalkRecord()
    assert overlaps([(0, 5, "a"), (3, 9, "a"), (9, 12, "b")]) == []
    assert overlaps([(0, 9, "a"), (3, 5, "b"), (5, 7, "c"), (8, 20, "b")]) == [(3, 7), (8, 9)]


@given(SPANS)
def test_every_moment_is_counted_once(said: list[tuple[int, int, str]]) -> None:
    both = {
        ms for ms in range(60) if len({who for start, end, who in said if start <= ms < end}) > 1
    }
    found = overlaps(said)
    assert {ms for start, end in found for ms in range(start, end)} == both
    assert sum(end - start for start, end in found) == len(both)
    assert found == sorted(found)
