"""Names that were saved for numbers, on calls of before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callscribe.contacts import ContactFile
from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    ParticipantJoined,
    SpeakerRenamed,
    Track,
    to_json,
)
from callscribe.journal.spill import take_in
from callscribe.records import CallFilter
from callscribe.store.sqlite import SqliteStore
from callscribe.transcript import wording
from callscribe.transcript.fold import Transcript
from tests.store.contract import final

HERE, THERE = "+15005550010", "+15005550006"
HEARD, MISSED, RENAMED, ROOM, LIVE = (f"CA{n:032x}" for n in range(1, 6))


def plain_call(call: str, *, at: str, ended: bool = True) -> list[AnyEvent]:
    """Two people of whom nothing is known say something."""
    tracks: tuple[tuple[Track, str, str], ...] = (
        ("inbound", "Caller", HERE),
        ("outbound", "Callee", THERE),
    )
    events: list[AnyEvent] = [CallStarted(call=call, at=at, from_=HERE, to=THERE)]
    for track, name, number in tracks:
        events.append(
            ParticipantJoined(call=call, leg=call, track=track, speaker=name, number=number)
        )
        text = f"parcel of the {name.lower()}"
        events.append(final(track, 100, text, call=call, leg=call, track=track, speaker=name))
    if ended:
        events.append(CallEnded(call=call, at=at, duration_ms=5000))
    return events


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(data: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(data) as opened:
        opened.append(plain_call(HEARD, at="2026-01-01T10:00:00.000Z"))
        opened.append(
            [
                CallStarted(call=MISSED, at="2026-01-02T10:00:00.000Z", from_=HERE, flow="forward"),
                CallUpdated(call=MISSED, dial=Dial(status="no-answer", to=THERE)),
                CallEnded(call=MISSED, at="2026-01-02T10:00:20.000Z", duration_ms=20_000),
                *plain_call(RENAMED, at="2026-01-03T10:00:00.000Z"),
                SpeakerRenamed(call=RENAMED, leg=RENAMED, track="inbound", speaker="Aunt Ann"),
                CallStarted(
                    call=ROOM, at="2026-01-04T10:00:00.000Z", flow="conference", room="team"
                ),
                ParticipantJoined(call=ROOM, leg="CA8", speaker="Front desk", number=HERE),
                ParticipantJoined(
                    call=ROOM, leg="CA9", speaker="+1 500-555-0006", number=THERE, joined_ms=1
                ),
                CallEnded(call=ROOM, at="2026-01-04T10:05:00.000Z", duration_ms=300_000),
                *plain_call(LIVE, at="2026-01-05T10:00:00.000Z", ended=False),
            ]
        )
        yield opened


def people(store: SqliteStore) -> dict[str, tuple[str, ...]]:
    return {call.id: call.speakers for call in store.calls()}


def folded(store: SqliteStore, call: str) -> Transcript:
    return Transcript(call, [published.event for published in store.events_after(0, call=call)])


def test_calls_of_before_have_the_name_unless_a_person_gave_another(
    store: SqliteStore, data: Path
) -> None:
    before = people(store)
    contacts = ContactFile(data)
    contacts.save("+1 500 555 0010", "Zoë Adams")
    assert people(store) == {
        **before,
        HEARD: ("Zoë Adams", "Callee"),
    }
    contacts.save(THERE, "Support")
    assert people(store) == {
        HEARD: ("Zoë Adams", "Support"),
        MISSED: (),
        RENAMED: ("Aunt Ann", "Support"),
        ROOM: ("Front desk", "Support"),
        LIVE: ("Caller", "Callee"),
    }
    titles = {call.id: wording.title(call) for call in store.calls()}
    assert titles[HEARD] == "Zoë Adams to Support"
    assert titles[MISSED].startswith("Zoë Adams")
    for call in (HEARD, MISSED, RENAMED, ROOM, LIVE):
        record, transcript = store.call(call), folded(store, call)
        assert record is not None
        assert transcript.call == record.call
        assert [said.person.name for said in transcript.utterances] == [
            said.speaker for said in record.utterances
        ]
        assert {person.name for person in transcript.people} >= set(record.call.speakers)
    contacts.save(HERE, "")
    contacts.save(THERE, "")
    assert people(store) == before


def test_what_everybody_follows_is_left_as_it_was_said(store: SqliteStore, data: Path) -> None:
    before = store.events_after(0)
    ContactFile(data).save(HERE, "Zoë")
    assert store.events_after(0) == before


def test_two_numbers_of_one_name_are_told_apart(store: SqliteStore, data: Path) -> None:
    contacts = ContactFile(data)
    contacts.save(HERE, "Home")
    contacts.save(THERE, "Home")
    assert len(set(people(store)[HEARD])) == 2


@pytest.mark.parametrize("by_rank", [False, True])
def test_searches_and_lists_find_people_by_it(
    store: SqliteStore, data: Path, by_rank: bool
) -> None:
    def said_by(speaker: str) -> set[tuple[str, str]]:
        page = store.search("parcel", CallFilter(speaker=speaker), by_rank=by_rank)
        return {(hit.call, hit.speaker) for hit in page.hits}

    def listed(words: str = "", person: str = "") -> set[str]:
        wanted = CallFilter(person=person)
        return {call.id for call in store.list_calls(wanted, words=words).calls}

    assert not store.search("parcel", CallFilter(person="zoe"), by_rank=by_rank).hits
    assert not said_by("zoe")
    ContactFile(data).save(HERE, "Zoë Adams")
    hits = store.search("parcel", CallFilter(person="zoe adams"), by_rank=by_rank).hits
    assert {hit.call for hit in hits} == {HEARD, RENAMED, LIVE}
    assert {hit.from_name for hit in hits if hit.call == HEARD} == {"Zoë Adams"}
    assert (HEARD, "Zoë Adams") in said_by("adams")
    assert HEARD not in {call for call, _ in said_by("aunt")}
    assert RENAMED not in {call for call, _ in said_by("adams")}
    assert said_by("aunt") == {(RENAMED, "Aunt Ann")}
    assert listed(person="zoe") == {HEARD, MISSED, RENAMED, ROOM, LIVE}
    assert listed("ada") == {HEARD, MISSED, RENAMED, ROOM, LIVE}
    assert not listed("dams")


def test_a_broken_file_of_contacts_keeps_nobody_from_reading(
    store: SqliteStore, data: Path
) -> None:
    contacts = ContactFile(data)
    contacts.save(HERE, "Zoë")
    assert people(store)[HEARD][0] == "Zoë"
    (data / "contacts.toml").write_text('"+1500 = [')
    assert people(store)[HEARD][0] == "Zoë"
    (data / "contacts.toml").unlink()
    assert people(store)[HEARD][0] == "Caller"


def test_what_was_kept_in_an_outage_is_known_again_whatever_people_are_called_since(
    store: SqliteStore, data: Path, tmp_path: Path
) -> None:
    kept = plain_call(HEARD, at="2026-01-01T10:00:00.000Z")
    assert [published.event for published in store.events_after(0, call=HEARD)] == kept
    ContactFile(data).save(HERE, "Zoë Adams")
    lines = b"".join(to_json(event) + b"\n" for event in kept)
    (tmp_path / "unwritten-key-1.jsonl").write_bytes(lines)
    assert [published.event for published in store.events_after(0, call=HEARD)] != kept
    assert take_in(store, [tmp_path], "key") == 0
    assert len(store.events_after(0, call=HEARD)) == len(kept)
