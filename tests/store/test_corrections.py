"""What people put right stands; what was recognised is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callscribe.events import (
    AnyEvent,
    NoteChanged,
    RevisedTranscript,
    TagsChanged,
    Token,
    UtteranceCorrected,
)
from callscribe.records import CallFilter, Correction, UtteranceRecord
from callscribe.store.base import every_event
from callscribe.store.sqlite import SqliteStore
from callscribe.transcript.fold import Transcript
from tests.said import reread
from tests.store.test_search import CALL, said, started, texts

AT = "2026-01-16T09:00:00.000Z"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(tmp_path / "data") as opened:
        opened.append([started(), said("I want a reef fund now.", start_ms=1000)])
        yield opened


def corrected(text: str) -> UtteranceCorrected:
    return UtteranceCorrected(
        call=CALL, at=AT, leg=CALL, track="inbound", utterance="u1", text=text, by="page"
    )


def revised(text: str, revision: int = 2) -> RevisedTranscript:
    final = said(text, start_ms=1000, revision=revision)
    return reread(final, reader="big")


def kept(store: SqliteStore) -> UtteranceRecord:
    record = store.call(CALL)
    assert record is not None
    (utterance,) = record.utterances
    folded = Transcript(CALL, every_event(store, CALL))
    (shown,) = folded.utterances
    assert (shown.text, shown.tokens) == (utterance.text, utterance.tokens)  # both tell the same
    assert folded.call == record.call
    correction = utterance.correction
    assert (correction.recognised if correction else "") == shown.recognised_text
    return utterance


def test_a_correction_is_what_is_shown_and_found(store: SqliteStore) -> None:
    store.append([corrected("I want a refund now.")])
    found = kept(store)
    assert (found.text, found.raw_text) == ("I want a refund now.", "i want a reef fund now")
    assert found.correction == Correction(recognised="I want a reef fund now.", by="page", at=AT)
    assert found.tokens[3] == Token(text="refund", start=3, stop=5)
    page = store.search("refund")
    assert (texts(page), page.hits[0].at_ms) == (["I want a refund now."], 4000)
    assert texts(store.search("reef")) == []
    assert store.calls()[0].last_text == "I want a refund now."


def test_a_second_correction_and_taking_it_back(store: SqliteStore) -> None:
    store.append([corrected("I want a fund."), corrected("I want a refund.")])
    assert kept(store).correction == Correction(
        recognised="I want a reef fund now.", by="page", at=AT
    )
    store.append([corrected("")])
    assert kept(store).correction is None
    assert kept(store).text == "I want a reef fund now."
    assert texts(store.search("reef")) == ["I want a reef fund now."]


@pytest.mark.parametrize("later", ["I want a reef now.", ""])
def test_a_correction_stands_whatever_is_read_later(store: SqliteStore, later: str) -> None:
    store.append([corrected("I want a refund now."), revised(later)])
    found = kept(store)
    assert (found.text, found.reading) == ("I want a refund now.", 2)
    assert found.correction is not None
    assert found.correction.recognised == later
    assert found.first is not None
    assert found.first.text == "I want a reef fund now."


def test_of_nothing_nothing_is_corrected(store: SqliteStore) -> None:
    events: list[AnyEvent] = [
        UtteranceCorrected(call=CALL, leg=CALL, track="inbound", utterance="no", text="x"),
        UtteranceCorrected(call="CAgone", leg="CAgone", track="inbound", utterance="u1", text="x"),
        NoteChanged(call="CAgone", text="x"),
        TagsChanged(call="CAgone", tags=("x",)),
    ]
    assert store.append(events)[1:] == [0, 0, 0]
    assert kept(store).text == "I want a reef fund now."
    assert len(store.calls()) == 1


def test_notes_and_tags_are_kept_and_found(store: SqliteStore) -> None:
    store.append([NoteChanged(call=CALL, text="Call back on Monday", by="page")])
    store.append([TagsChanged(call=CALL, tags=("urgent", "follow up"))])
    kept(store)
    (call,) = store.calls()
    assert (call.note, call.tags) == ("Call back on Monday", ("urgent", "follow up"))
    assert len(store.list_calls(words="monday").calls) == 1
    assert len(store.list_calls(words="urg").calls) == 1
    for tags, count in (
        (("urgent",), 1),
        (("Follow Up", "urgent"), 1),
        (("follow",), 1),
        (("other",), 0),
    ):
        assert len(store.list_calls(CallFilter(tags=tags)).calls) == count
        assert len(store.search("want", CallFilter(tags=tags)).hits) == count
    store.append([TagsChanged(call=CALL, tags=()), NoteChanged(call=CALL, text="")])
    assert store.list_calls(CallFilter(tags=("urgent",))).calls == ()
    assert (store.calls()[0].note, store.calls()[0].tags) == ("", ())
