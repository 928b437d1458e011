"""What holds of every transcript, whatever the events: the laws that page, terminal and exports lean on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe import events as ev
from callscribe.events import AnyEvent, FinalTranscript, RevisedTranscript
from callscribe.store.base import Store
from callscribe.store.opening import open_store
from callscribe.transcript.calls import CallLine
from callscribe.transcript.fold import Transcript
from callscribe.transcript.layout import Layout
from callscribe.transcript.parts import Block, Note
from tests.transcript.events import CALL, EPHEMERAL, STORED, any_events, stored
from tests.web.script import bank


def shape(blocks: list[Block]) -> list[object]:
    """Blocks as plain values."""
    return [
        (block.key, block.sentence)
        if isinstance(block, Note)
        else (
            block.person.who,
            block.overlaps_before,
            block.overlaps_after,
            [[(said.id, said.text) for said in each.utterances] for each in block.paragraphs],
        )
        for block in blocks
    ]


def afresh(transcript: Transcript) -> list[Block]:
    """The transcript's blocks, laid out in one go."""
    layout = Layout()
    for said in transcript.utterances:
        layout.put(said)
    for note in transcript.notes:
        layout.put(note)
    return list(layout.blocks)


def test_the_strategies_know_every_event() -> None:
    assert {*STORED, *EPHEMERAL} == {*get_args(AnyEvent)}
    assert set(EPHEMERAL) == {*ev.EPHEMERAL}


@settings(deadline=None)
@given(any_events)
def test_one_by_one_is_all_at_once(events: list[AnyEvent]) -> None:
    transcript = Transcript(CALL)
    for event in events:
        transcript.apply(event)
        assert shape(transcript.blocks) == shape(afresh(transcript))
    assert transcript == Transcript(CALL, events)
    assert shape(transcript.blocks) == shape(Transcript(CALL, events).blocks)


@settings(deadline=None)
@given(any_events)
def test_blocks_that_did_not_change_stay_the_same(events: list[AnyEvent]) -> None:
    transcript = Transcript(CALL)
    for event in events:
        before = {id(block): shape([block]) for block in transcript.blocks}
        keep = list(transcript.blocks)
        transcript.apply(event)
        for block in transcript.blocks:
            old = before.get(id(block))
            # The same object says the same, but for names.
            assert old is None or isinstance(block, Note) or shape([block]) == old
        assert len(keep) == len(before)


@settings(deadline=None)
@given(any_events, st.data())
def test_any_prefix_and_any_resume_point_give_the_same(
    events: list[AnyEvent], data: st.DataObject
) -> None:
    """A viewer who comes in the middle reads the journal, then follows; some of what is ephemeral it misses."""
    cut = data.draw(st.integers(0, len(events)))
    seen = [event for event in events[:cut] if not isinstance(event, ev.EPHEMERAL)]
    whole = Transcript(CALL, events)
    late = Transcript(CALL, [*seen, *events[cut:]])
    for transcript in (whole, late):
        transcript.apply(ev.StoreFailed(call="", message="", resolved=True))
        transcript.apply(ev.CallEnded(call=CALL, at="2026-01-15T10:01:00.000Z"))
    assert late == whole
    assert shape(late.blocks) == shape(whole.blocks)


@settings(deadline=None)
@given(any_events)
def test_partials_and_lag_leave_no_trace(events: list[AnyEvent]) -> None:
    kept = [event for event in events if not isinstance(event, ev.EPHEMERAL)]
    end = ev.CallEnded(call=CALL, at="2026-01-15T10:01:00.000Z")
    cleared = ev.StoreFailed(call="", message="", resolved=True)
    assert Transcript(CALL, [*events, cleared, end]) == Transcript(CALL, [*kept, end])


@settings(deadline=None)
@given(any_events)
def test_a_change_says_what_changed(events: list[AnyEvent]) -> None:
    """A view that only follows changes shows what one shows that draws everything."""
    transcript = Transcript(CALL)
    said: dict[str, str] = {}
    notes: dict[str, str] = {}
    for event in events:
        before = transcript.call, transcript.state, transcript.ending, transcript.trouble
        people = {person.who: person.name for person in transcript.people}
        change = transcript.apply(event)
        for utterance in change.utterances:
            said[utterance.id] = utterance.text
        notes.update((note.key, note.text) for note in change.notes)
        assert {key: text for key, text in said.items() if text} == {
            each.id: each.text for each in transcript.utterances
        }
        assert notes == {note.key: note.text for note in transcript.notes}
        after = transcript.call, transcript.state, transcript.ending, transcript.trouble
        assert change.line or before == after
        told = {person.who for person in change.people}
        if not isinstance(event, ev.CallEnded):
            assert told >= {
                person.who for person in transcript.people if people.get(person.who) != person.name
            }


@settings(deadline=None)
@given(st.lists(stored, max_size=30))
def test_a_repeated_journal_changes_nothing(events: list[AnyEvent]) -> None:
    """An event that comes twice in a row, as after a reconnection, counts once."""
    once, twice = Transcript(CALL), Transcript(CALL)
    for event in events:
        if isinstance(event, ev.StreamEnded | ev.DtmfReceived):
            continue  # these count up, and a key may be pressed twice
        if isinstance(event, ev.CallStarted) and event.flow == "attach":
            continue  # a call that had ended goes on with it; of one that goes on it says how it came
        once.apply(event)
        twice.apply(event)
        twice.apply(event)
    assert once == twice


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One for all examples: making one takes longer than using it."""
    with open_store(tmp_path_factory.mktemp("store")) as store:
        yield store


@settings(deadline=None)
@given(events=st.lists(stored, min_size=1, max_size=30))
def test_a_line_of_the_list_is_what_the_store_says(store: Store, events: list[AnyEvent]) -> None:
    """The list is read from the store and then kept up by events; both must say the same."""
    call = f"CA{store.last_id():032}"
    moved = [_moved(event, call) for event in events if not _is_out_of_place(event, events)]
    if not moved or isinstance(moved[0], ev.AFTERWARDS):
        return
    store.append(moved)
    record = store.call(call)
    assert record is not None
    assert CallLine(call, moved).summary == record.call


def _is_out_of_place(event: AnyEvent, events: list[AnyEvent]) -> bool:
    """Of an utterance that was taken away, when tables forget which revision did it; or a second reading before any
    first one, which is what is left of a deleted text."""
    before = list(itertools.takewhile(lambda each: each is not event, events))
    if isinstance(event, RevisedTranscript) and not any(
        isinstance(each, FinalTranscript) for each in before
    ):
        return True
    return isinstance(event, FinalTranscript | RevisedTranscript) and any(
        isinstance(each, RevisedTranscript) and not each.text and each.utterance == event.utterance
        for each in before
    )


def _moved(event: Any, call: str) -> AnyEvent:
    changes: dict[str, Any] = {"call": call}
    if getattr(event, "leg", None) == CALL:
        changes["leg"] = call
    elif hasattr(event, "leg"):
        changes["leg"] = f"{call}-2"
    moved: AnyEvent = msgspec.structs.replace(event, **changes)
    return moved


def test_an_event_nobody_decided_upon_is_refused() -> None:
    class Unheard(ev.Event, frozen=True, kw_only=True, tag="unheard"):
        pass

    with pytest.raises(AssertionError):
        Transcript(CALL).apply(Unheard(call=CALL))  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        CallLine(CALL).apply(Unheard(call=CALL))  # type: ignore[arg-type]


def test_a_journal_read_from_the_store_reads_the_same(tmp_path: Path) -> None:
    call, events = bank()
    with open_store(tmp_path) as store:
        store.append(events)
        stored_ones = [published.event for published in store.events_after(0, call=call.sid)]
        record = store.call(call.sid)
    transcript = Transcript(call.sid, stored_ones)
    assert transcript == Transcript(call.sid, events)
    assert record is not None
    assert [(s.id, s.text) for s in transcript.utterances] == [
        (final.utterance, final.text) for final in record.utterances
    ]
    assert transcript.call == record.call
