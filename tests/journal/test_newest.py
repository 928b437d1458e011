from __future__ import annotations

import zlib

import pytest

from callscribe.events import CallEnded, FinalTranscript, Published, Word
from callscribe.journal.newest import Newest


def final(call: str, said: str) -> FinalTranscript:
    return FinalTranscript(
        call=call, leg=call, track="inbound", speaker="Caller", utterance="u1", revision=1, text=said, raw_text=said,
        start_ms=0, end_ms=900, words=(Word(said, 0, 900, 0.9),), confidence=0.9,
    )  # fmt: skip


def test_the_newest_are_kept_as_they_were() -> None:
    newest = Newest(250)
    events = [Published(id=i, event=final(f"CA{i % 7}", f"word {i}")) for i in range(1000)]
    for count, published in enumerate(events, 1):
        newest.add(published)
        kept = list(newest)
        assert kept == events[:count][-len(kept) :]
        assert len(newest) == len(kept)
        assert min(count, 250) <= len(kept) < 350


@pytest.mark.parametrize("everything", [True, False])
def test_a_call_that_is_deleted_is_forgotten_or_its_text_is(everything: bool) -> None:
    newest = Newest(1000)
    events = []
    for i in range(450):
        call = "CA1" if i % 3 else "CA2"
        event = CallEnded(call=call) if i % 5 else final(call, "what CA1 said")
        events.append(Published(id=i, event=event))
        newest.add(events[-1])
    newest.forget("CA1", everything=everything)
    left = [
        each
        for each in events
        if each.event.call != "CA1" or not (everything or isinstance(each.event, FinalTranscript))
    ]
    assert list(newest) == left
    assert len(newest) == len(left)


def test_blocks_without_a_call_are_not_read_when_it_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newest = Newest(1000)
    for i in range(950):
        newest.add(Published(id=i, event=final(f"CA{i // 100}", f"word {i}")))
    read = []
    decompress = zlib.decompress

    def noted(block: bytes) -> bytes:
        read.append(block)
        return decompress(block)

    monkeypatch.setattr(zlib, "decompress", noted)
    newest.forget("CA3", everything=True)
    newest.forget("CA9", everything=True)  # in no block yet
    newest.forget("CA11", everything=True)
    assert len(read) == 1
    assert len(newest) == 800
