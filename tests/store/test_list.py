"""The list of calls: filtered by the store, paged without end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    ParticipantJoined,
    SpeakerRenamed,
)
from callscribe.records import CallFilter
from callscribe.search.query import QueryError
from callscribe.store import listing
from callscribe.store.sqlite import SqliteStore
from tests.store.test_search import CALL, OTHER, said, started

ROOM = "CA00000000000000000000000000000003"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(tmp_path / "data") as opened:
        opened.append(
            [
                started(from_name="Alice Smith"),
                ParticipantJoined(call=CALL, leg=CALL, speaker="Alice Smith", number="+14155550123"),
                said("The parcel is lost.", speaker="Alice Smith"),
                CallEnded(call=CALL, at="2026-01-15T10:05:00.000Z", duration_ms=300_000),
                CallStarted(call=OTHER, at="2026-02-01T09:00:00.000Z", from_="+447911123456", flow="forward"),
                CallUpdated(call=OTHER, dial=Dial(status="no-answer", to="+15005550077", name="Carol")),
                CallEnded(call=OTHER, at="2026-02-01T09:00:30.000Z", duration_ms=30_000),
                CallStarted(call=ROOM, at="2026-03-01T09:00:00.000Z", flow="conference", room="support"),
                ParticipantJoined(call=ROOM, leg=ROOM, speaker="Alina Jones"),
            ]
        )  # fmt: skip
        yield opened


def ids(store: SqliteStore, wanted: CallFilter = CallFilter(), words: str = "") -> list[str]:  # noqa: B008
    return [call.id for call in store.list_calls(wanted, words=words).calls]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CallFilter(), [ROOM, OTHER, CALL]),
        (CallFilter(person="alice"), [CALL]),
        (CallFilter(number="(415) 555-0123"), [CALL]),
        (CallFilter(number="07911 123456"), [OTHER]),
        (CallFilter(flow="conference"), [ROOM]),
        (CallFilter(missed=True), [OTHER]),
        (CallFilter(missed=False), [ROOM, CALL]),
        (CallFilter(longest_ms=60_000), [OTHER]),
        (CallFilter(shortest_ms=60_000), [CALL]),
        (CallFilter(since="2026-02-01T00:00:00Z"), [ROOM, OTHER]),
        (CallFilter(until="2026-02-01T00:00:00Z", direction="inbound"), [CALL]),
        (CallFilter(call=CALL), [CALL]),
        (CallFilter(person="nobody"), []),
    ],
)
def test_filters(store: SqliteStore, wanted: CallFilter, found: list[str]) -> None:
    assert ids(store, wanted) == found


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ali", [ROOM, CALL]),
        ("alice smi", [CALL]),
        ("support", [ROOM]),
        ("carol", [OTHER]),
        ("415", [CALL]),
        ("5550123", [CALL]),
        ("(415) 555-0123", [CALL]),
        ("0123", [CALL]),
        ("7911", [OTHER]),
        ("parcel", [CALL]),
        ("lost parcel", [CALL]),
        ("nothing", []),
        ("AND OR", []),
    ],
)
def test_words_are_looked_for_everywhere(store: SqliteStore, words: str, found: list[str]) -> None:
    assert ids(store, words=words) == found


def test_a_new_name_is_found_and_a_deleted_call_is_not(store: SqliteStore) -> None:
    store.append([SpeakerRenamed(call=CALL, leg=CALL, track="inbound", speaker="Zoe")])
    assert ids(store, words="zoe") == [CALL]
    store.erase([CALL])
    assert ids(store, words="zoe") == []
    assert ids(store) == [ROOM, OTHER]


def test_pages_follow_each_other(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_HEARD_PIECE", 3)
    every = []
    for n in range(9):
        call = f"CB{n:032d}"
        every.append(call)
        moment = f"2026-04-{n + 1:02d}T10:00:00.000Z"
        store.append([started(call, moment), *(
            said("The parcel again.", call=call, utterance=f"u{m}", start_ms=m * 1000) for m in range(n)
        )])  # fmt: skip
    for words, expected in (
        ("", [*reversed(every), ROOM, OTHER, CALL]),
        ("parcel", [*reversed(every[1:]), CALL]),
    ):
        seen: list[str] = []
        cursor = ""
        while True:
            page = store.list_calls(words=words, limit=2, cursor=cursor)
            seen += [call.id for call in page.calls]
            cursor = page.cursor
            if not cursor:
                break
        assert seen == expected


@pytest.mark.parametrize("ended", [True, False])
def test_what_is_said_many_hours_into_a_call_is_found(store: SqliteStore, ended: bool) -> None:
    """The index is in the order of what was said, the list in that of when calls began."""
    hours = 3_600_000
    late = said("The zeppelin lands.", call="CAlong", start_ms=30 * hours)
    events: list[AnyEvent] = [started("CAlong", "2026-04-01T00:00:00.000Z"), late]
    if ended:
        events.append(
            CallEnded(call="CAlong", at="2026-04-02T07:00:00.000Z", duration_ms=31 * hours)
        )
    for n in range(3):
        call = f"CAlater{n}"
        events += [
            started(call, f"2026-04-01T0{n + 1}:00:00.000Z"),
            said("A zeppelin, too.", call=call),
            CallEnded(call=call, at=f"2026-04-01T0{n + 1}:10:00.000Z", duration_ms=600_000),
        ]
    store.append(events)
    found, cursor = [], ""
    while True:
        page = store.list_calls(words="zeppelin", limit=1, cursor=cursor)
        found += [call.id for call in page.calls]
        if not (cursor := page.cursor):
            break
    assert found == ["CAlater2", "CAlater1", "CAlater0", "CAlong"]


def test_an_imported_call_stands_where_it_belongs(store: SqliteStore) -> None:
    store.append([started("CAold", "2020-01-01T00:00:00.000Z")])
    assert ids(store)[-1] == "CAold"
    assert [call.id for call in store.calls()][-1] == "CAold"


def test_nonsense_is_explained(store: SqliteStore) -> None:
    for wanted, words, cursor in (
        (CallFilter(number="x"), "", ""),
        (CallFilter(), "...", ""),
        (CallFilter(), "", "nonsense"),
    ):
        with pytest.raises(QueryError):
            store.list_calls(wanted, words=words, cursor=cursor)
