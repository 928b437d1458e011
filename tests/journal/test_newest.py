from __future__ import annotations

from callscribe.events import CallEnded, FinalTranscript, Published, Word
from callscribe.journal.newest import Newest


def final(call: str, said: str) -> FinalTranscript:
    return FinalTranscript(
        call=call, leg=call, track="inbound", speaker="Caller", utterance="u1", revision=1, text=said, raw_text=said,
        start_ms=0, end_ms=900, words=(Word(said, 0, 900, 0.9),), confidence=0.9,
    )  # fmt: skip


def test_the_newest_are_kept_as_they_were() -> None:
    newest = Newest(2)
    events = [
        Published(id=1, event=final("CA1", "one")),
        Published(id=2, event=CallEnded(call="CA1")),
        Published(id=3, event=final("CA2", "CA1")),
    ]
    for published in events:
        newest.add(published)
    assert list(newest) == events[1:]
    assert len(newest) == 2


def test_a_call_that_is_deleted_is_forgotten() -> None:
    newest = Newest(10)
    other = Published(id=2, event=final("CA2", "what CA1 said"))
    newest.add(Published(id=1, event=final("CA1", "one")))
    newest.add(other)
    newest.forget("CA1", everything=True)
    assert list(newest) == [other]


def test_of_a_call_whose_text_is_deleted_the_rest_is_kept() -> None:
    newest = Newest(10)
    ended = Published(id=2, event=CallEnded(call="CA1"))
    newest.add(Published(id=1, event=final("CA1", "one")))
    newest.add(ended)
    newest.forget("CA1", everything=False)
    assert list(newest) == [ended]
