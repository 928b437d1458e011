"""Search: what is said is found however it is asked for, and only where it should be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from callscribe.events import (
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    ParticipantJoined,
    RevisedTranscript,
    SpeakerRenamed,
    Token,
    Word,
)
from callscribe.records import CallFilter, SearchPage
from callscribe.search.numbers import index_tokens
from callscribe.search.query import QueryError
from callscribe.store import database, index, schema, sqlite
from callscribe.store.sqlite import SqliteStore

CALL = "CA00000000000000000000000000000001"
OTHER = "CA00000000000000000000000000000002"


def said(
    text: str,
    raw: str = "",
    *,
    call: str = CALL,
    utterance: str = "u1",
    start_ms: int = 0,
    speaker: str = "Caller",
    revision: int = 1,
) -> FinalTranscript:
    raw = raw or text.lower().rstrip(".?")
    words = tuple(
        Word(
            text=word, start_ms=start_ms + 1000 * n, end_ms=start_ms + 1000 * n + 900, confidence=1
        )
        for n, word in enumerate(raw.split())
    )
    tokens = tuple(Token(text=token, start=n, stop=n + 1) for n, token in enumerate(text.split()))
    return FinalTranscript(
        call=call, leg=call, track="inbound", speaker=speaker, utterance=utterance, revision=revision, text=text,
        raw_text=raw, start_ms=start_ms, end_ms=start_ms + 1000 * len(words), words=words, tokens=tokens,
    )  # fmt: skip


def started(call: str = CALL, at: str = "2026-01-15T10:00:00.000Z", **more: str) -> CallStarted:
    return CallStarted(call=call, at=at, from_="+14155550123", to="+15005550006", **more)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore.open(tmp_path / "data") as opened:
        yield opened


def texts(page: SearchPage) -> list[str]:
    return [hit.text for hit in page.hits]


def marked(page: SearchPage) -> list[str]:
    return [part.text for hit in page.hits for part in hit.snippet if part.marked]


def test_words_phrases_prefixes_and_operators(store: SqliteStore) -> None:
    store.append(
        [
            started(),
            said("I want a refund to my card.", utterance="u1", start_ms=0),
            said("The refunds go out on Monday.", utterance="u2", start_ms=9000),
            said("Élodie will give you credit.", utterance="u3", start_ms=20000),
        ]
    )
    for query, found in {
        "refund": ["u1"],
        "REFUND card": ["u1"],
        "card refund": ["u1"],
        '"card refund"': [],
        '"to my card"': ["u1"],
        "refund*": ["u2", "u1"],
        "refund OR credit": ["u3", "u1"],
        "refund* NOT card": ["u2"],
        "refund* -card": ["u2"],
        "(refund* OR credit) AND monday": ["u2"],
        "elodie": ["u3"],
        "ÉLODIE": ["u3"],
        "refund and card": [],
    }.items():
        assert [hit.utterance for hit in store.search(query).hits] == found, query


@pytest.mark.parametrize(
    ("text", "raw", "queries"),
    [
        ("Extension 412.", "extension four one two", ["412", "four one two", "four twelve", '"extension four one two"',
                                                      '"extension 412"', "four hundred twelve", "extension 412"]),
        ("extension four one two", "", ["412", '"extension 412"']),
        ("It's 415-555-0123.", "it's four one five five five five oh one two three",
         ["4155550123", "(415) 555-0123", "+1 415 555 0123", "415.555.0123", "41 55 55 01 23", "555 0123", "5550123",
          "four one five five five five oh one two three", "+1-415-555-0123"]),
        ("Your total is $412.50.", "your total is four hundred twelve dollars and fifty cents",
         ["412.50", "$412.50", "412.5", "412", "four hundred twelve dollars and fifty cents", "four hundred twelve"]),
        ("It costs $1,250.", "it costs one thousand two hundred fifty dollars",
         ["1250", "1,250", "$1,250", "1250.00", "twelve fifty", "one thousand two hundred fifty"]),
        ("About $2.5 million.", "about two point five million dollars", ["2500000", "2.5 million", "2,500,000"]),
    ],
)  # fmt: skip
def test_numbers_however_they_are_said_or_written(
    store: SqliteStore, text: str, raw: str, queries: list[str]
) -> None:
    store.append([started(), said(text, raw), said("Nothing to count here.", utterance="u2")])
    for query in queries:
        assert texts(store.search(query)) == [text], query
        assert store.search(query).hits[0].snippet


def test_other_numbers_are_not_found(store: SqliteStore) -> None:
    store.append([started(), said("It's 415-555-0123."), said("Room 4120.", utterance="u2")])
    for query in ("413", "412", "5559", "0124", "(415) 555-0124"):
        assert texts(store.search(query)) == [], query


def test_a_hit_says_what_was_found_and_when(store: SqliteStore) -> None:
    store.append([started(), said("Your refund is on its way.", start_ms=5000)])
    (hit,) = store.search("refund way").hits
    assert [(part.text, part.marked) for part in hit.snippet] == [
        ("Your ", False), ("refund", True), (" is on its ", False), ("way", True), (".", False)
    ]  # fmt: skip
    assert (hit.start_ms, hit.at_ms) == (5000, 6000)
    assert (hit.call, hit.from_, hit.started_at) == (
        CALL,
        "+14155550123",
        "2026-01-15T10:00:00.000Z",
    )


def test_what_was_said_otherwise_than_it_is_written_opens_at_its_word(store: SqliteStore) -> None:
    final = said("Room 412.", "room four one two", start_ms=5000)
    final = msgspec.structs.replace(
        final, tokens=(Token(text="Room", start=0, stop=1), Token(text="412.", start=1, stop=4))
    )
    store.append([started(), final])
    page = store.search('"four one two"')
    assert (marked(page), page.hits[0].at_ms) == (["412"], 6000)
    page = store.search("four")
    assert page.hits[0].at_ms == 6000


def test_a_better_reading_takes_the_place_of_the_first(store: SqliteStore) -> None:
    store.append([started(), said("I want a reef fund."), said("Uh.", utterance="u2")])
    fields = {name: getattr(said("I want a refund."), name) for name in (
        "call", "leg", "track", "speaker", "utterance", "text", "raw_text", "start_ms", "end_ms", "words", "tokens"
    )}  # fmt: skip
    store.append(
        [
            RevisedTranscript(**fields, revision=2),
            RevisedTranscript(**{**fields, "utterance": "u2", "text": ""}, revision=2),
        ]
    )
    assert texts(store.search("refund")) == ["I want a refund."]
    assert texts(store.search("reef")) == []
    assert texts(store.search("uh")) == []
    record = store.call(CALL)
    assert record is not None
    assert [u.text for u in record.utterances] == ["I want a refund."]
    assert (record.call.utterance_count, record.call.last_text) == (1, "I want a refund.")
    store.append([said("I want a reef fund.")])  # told again, late
    assert texts(store.search("refund")) == ["I want a refund."]


def test_what_is_indexed_later_is_found_here_at_once_and_elsewhere_soon(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path) as store:
        store.append([started(), said("Hello parcel.", utterance="u1")], index=False)
        with SqliteStore.open(tmp_path, read_only=True) as elsewhere:
            assert not elsewhere.search("parcel").hits
            assert not store.index_new()
            assert texts(elsewhere.search("parcel")) == ["Hello parcel."]
        for number in range(3):
            store.append([said("A parcel.", utterance=f"v{number}")], index=False)
        assert store.index_new(2)
        assert not store.index_new(2)
        store.append([said("One more parcel.", utterance="w")], index=False)
        assert len(store.search("parcel").hits) == 5
        store.append([said("The letter.", utterance="x")], index=False)
        assert len(store.list_calls(words="letter").calls) == 1


def test_what_a_server_that_died_did_not_index_is_indexed_by_the_next(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path) as store:
        store.append([started(), said("Hello parcel.")], index=False)
    with SqliteStore.open(tmp_path) as store:
        assert store.index_more() == 0
        with SqliteStore.open(tmp_path, read_only=True) as elsewhere:
            assert texts(elsewhere.search("parcel")) == ["Hello parcel."]


def test_searching_goes_on_while_nothing_can_be_written(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([started(), said("Hello parcel.", utterance="u1")])
    store.append([said("Another parcel.", utterance="u2")], index=False)

    def full(_: object) -> None:
        raise OperationalError("", None, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(index, "catch_up", full)
        assert texts(store.search("parcel")) == ["Hello parcel."]
        assert len(store.list_calls(words="parcel").calls) == 1
    assert len(store.search("parcel").hits) == 2


def test_a_search_waits_for_a_short_write_and_not_for_one_that_hangs(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([started(), said("Hello parcel.")], index=False)
    with ThreadPoolExecutor(1) as others:
        monkeypatch.setattr(sqlite, "_WRITER_S", 0.01)
        with store._writing:
            assert not others.submit(store.search, "parcel").result(60).hits
        monkeypatch.setattr(sqlite, "_WRITER_S", 60)
        with store._writing:
            found = others.submit(store.search, "parcel")
            with pytest.raises(TimeoutError):
                found.result(0.05)
        assert texts(found.result(60)) == ["Hello parcel."]


def test_what_is_deleted_before_it_is_indexed_is_never_found(store: SqliteStore) -> None:
    store.append([started(), said("Hello parcel.")], index=False)
    store.append(
        [CallEnded(call=CALL, at="2026-01-15T10:01:00.000Z", duration_ms=60_000)], index=False
    )
    assert store.erase([CALL], "text") == [CALL]
    assert not store.search("parcel").hits


def test_one_that_cannot_be_indexed_keeps_no_other_out(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = index_tokens

    def picky(text: str) -> list[str]:
        if "odd" in text:
            raise ValueError("an odd text")
        return numbers(text)

    monkeypatch.setattr(index, "index_tokens", picky)
    store.append([started(), said("An odd parcel.", utterance="u1")], index=False)
    store.append([said("A parcel.", utterance="u2")], index=False)
    assert not store.index_new()
    assert texts(store.search("parcel")) == ["A parcel."]
    assert len(store.events_after(0)) == 3


@pytest.fixture
def two_calls(store: SqliteStore) -> SqliteStore:
    store.append(
        [
            started(from_name="Alice Smith", to_name="Shop"),
            ParticipantJoined(call=CALL, leg=CALL, speaker="Alice Smith", number="+14155550123"),
            said("The parcel is lost.", speaker="Alice Smith"),
            said("Which parcel?", utterance="u2", speaker="Bob", start_ms=3000),
            CallEnded(call=CALL, at="2026-01-15T10:05:00.000Z", duration_ms=300_000),
            CallStarted(call=OTHER, at="2026-02-01T09:00:00.000Z", from_="+447911123456", to="+15005550006",
                        flow="forward"),
            CallUpdated(call=OTHER, dial=Dial(status="no-answer", to="+15005550077", name="Carol")),
            said("My parcel too.", call=OTHER),
            CallEnded(call=OTHER, at="2026-02-01T09:00:30.000Z", duration_ms=30_000),
        ]
    )  # fmt: skip
    return store


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (CallFilter(person="alice"), ["Which parcel?", "The parcel is lost."]),
        (CallFilter(person="Alice Smith"), ["Which parcel?", "The parcel is lost."]),
        (CallFilter(person="Smith Shop"), []),
        (CallFilter(person="carol"), ["My parcel too."]),
        (CallFilter(speaker="bob"), ["Which parcel?"]),
        (CallFilter(number="(415) 555-0123"), ["Which parcel?", "The parcel is lost."]),
        (CallFilter(number="07911 123456"), ["My parcel too."]),
        (CallFilter(number="+44 7911 123456"), ["My parcel too."]),
        (CallFilter(number="+1 500 555 0077"), ["My parcel too."]),
        (CallFilter(flow="forward"), ["My parcel too."]),
        (CallFilter(direction="outbound"), []),
        (CallFilter(missed=True), ["My parcel too."]),
        (CallFilter(missed=False), ["Which parcel?", "The parcel is lost."]),
        (CallFilter(shortest_ms=60_000), ["Which parcel?", "The parcel is lost."]),
        (CallFilter(longest_ms=60_000), ["My parcel too."]),
        (CallFilter(shortest_ms=30_000, longest_ms=30_000), ["My parcel too."]),
        (CallFilter(since="2026-01-20T00:00:00Z"), ["My parcel too."]),
        (CallFilter(until="2026-01-15T10:00:02Z"), ["The parcel is lost."]),
        (CallFilter(call=OTHER), ["My parcel too."]),
    ],
)
def test_filters(two_calls: SqliteStore, wanted: CallFilter, found: list[str]) -> None:
    assert texts(two_calls.search("parcel", wanted)) == found
    assert sorted(texts(two_calls.search("parcel", wanted, by_rank=True))) == sorted(found)


def test_a_new_name_is_what_people_are_found_by(two_calls: SqliteStore) -> None:
    two_calls.append([SpeakerRenamed(call=CALL, leg=CALL, track="inbound", speaker="Zoe")])
    assert len(two_calls.search("parcel", CallFilter(person="zoe")).hits) == 2
    assert len(two_calls.search("parcel", CallFilter(speaker="zoe")).hits) == 2
    assert two_calls.search("parcel", CallFilter(speaker="bob")).hits == ()


def test_pages_follow_each_other_by_time_and_by_rank(store: SqliteStore) -> None:
    store.append([started()])
    for n in range(7):
        often = " ".join(["parcel"] * (n % 3 + 1))
        store.append([said(f"{often} {n}", utterance=f"u{n}", start_ms=n * 1000)])
    for by_rank in (False, True):
        seen: list[str] = []
        cursor = ""
        while True:
            page = store.search("parcel", limit=3, by_rank=by_rank, cursor=cursor)
            seen += [hit.utterance for hit in page.hits]
            # what is said meanwhile moves nothing
            store.append([said("new parcel", utterance=f"n{len(seen)}{by_rank}", start_ms=99_000)])
            cursor = page.cursor
            if not cursor:
                break
        assert sorted(u for u in seen if u.startswith("u")) == [f"u{n}" for n in range(7)]
        if not by_rank:
            assert seen == [f"u{n}" for n in reversed(range(7))]


def test_one_wrong_letter_is_asked_about(store: SqliteStore) -> None:
    store.append([started(), said("This is Margaret Dubois."), said("A dull boy.", utterance="u2")])
    for asked, meant in {
        "margret": "margaret",
        "Margarett": "Margaret",
        "margaert Dubois": "margaret Dubois",
        '"margaret dubais"': '"margaret dubois"',
        "marrgarett": "",
        "margret NOT dubois": "",
    }.items():
        page = store.search(asked)
        assert page.hits == ()
        assert page.did_you_mean == meant, asked


@pytest.mark.parametrize("query", ["", "   ", '"open', "(a", "a)", "OR b", "a OR", "NOT a", "a AND", "*", "a*", "x**y",
                                   '""', "...", "a NOT", "AND a", "()", "-a", "ref*und", "x" * 600])  # fmt: skip
def test_a_query_that_makes_no_sense_is_explained(store: SqliteStore, query: str) -> None:
    with pytest.raises(QueryError) as caught:
        store.search(query)
    assert len(str(caught.value)) > 15


@pytest.mark.parametrize("wanted", [CallFilter(number="ab"), CallFilter(person="--"),
                                    CallFilter(shortest_ms=60_000, longest_ms=1000)])  # fmt: skip
def test_a_filter_that_makes_no_sense_is_explained(store: SqliteStore, wanted: CallFilter) -> None:
    with pytest.raises(QueryError):
        store.search("hello", wanted)
    with pytest.raises(QueryError, match="cursor"):
        store.search("hello", cursor="nonsense")


def make_first(file: Path, new: Path) -> None:
    """A record of the first version with the calls of a new one."""
    engine = database.open_engine(file, read_only=False)
    config = Config()
    config.set_main_option("script_location", "callscribe.store:migrations")
    with database.begin_write(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    plain = sqlite3.connect(file)
    plain.execute("ATTACH ? AS new", [str(new)])
    for (table,) in plain.execute(
        "SELECT name FROM main.sqlite_master WHERE type = 'table'"
    ).fetchall():
        if not table.startswith(("alembic", "sqlite")):
            columns = ", ".join(row[1] for row in plain.execute(f"PRAGMA main.table_info({table})"))
            plain.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    plain.commit()
    plain.close()


def test_an_older_record_is_indexed_piece_by_piece(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path / "new") as store:
        store.append([started(), *(said(f"parcel {n}", utterance=f"u{n}") for n in range(10))])
    make_first(tmp_path / database.FILE, tmp_path / "new" / database.FILE)
    with SqliteStore.open(tmp_path) as store:
        store.append([said("parcel new", utterance="new", start_ms=5000)])
        page = store.search("parcel")
        assert (texts(page), page.unindexed) == (["parcel new"], 11)
        assert store.index_more(4) == 12  # what calls are found by comes first
        assert store.index_more(4) == 7
    with SqliteStore.open(tmp_path) as store:  # it goes on where it stopped
        while store.index_more(4):
            pass
        page = store.search("parcel", CallFilter(number="+14155550123"))
        assert (len(page.hits), page.unindexed) == (11, 0)
        assert len(store.list_calls(words="555-0123").calls) == 1
        assert store.index_more(4) == 0
    assert schema.HEAD in schema.KNOWN
