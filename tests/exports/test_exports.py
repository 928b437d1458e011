"""Every format says what was said; others' parsers read it; our own reads it back to the same record."""

from __future__ import annotations

import csv
import functools
import io
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import srt
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    FinalTranscript,
    ParticipantJoined,
    RevisedTranscript,
    SpeakerRenamed,
    TagsChanged,
    Token,
    UtteranceCorrected,
    Word,
)
from callscribe.exports import captions, document, prose
from callscribe.exports.document import DocumentError
from callscribe.exports.formats import FORMATS, export
from callscribe.exports.source import Source
from callscribe.recordings import wav
from callscribe.store.base import every_event
from callscribe.store.sqlite import SqliteStore
from callscribe.transcript.fold import Transcript
from tests.recordings.made import Key, record, tone
from tests.store.memory import Disk
from tests.transcript.events import CALL as SOME_CALL
from tests.transcript.events import STORED

CALL = "CA" + "1" * 32
SCHEMA = Path(__file__).parents[2] / "docs" / "call.schema.json"


def said(
    text: str, start_ms: int, *, utterance: str, track: Any = "inbound", speaker: str = "Alice <A>"
) -> Any:
    raw = text.lower().strip(".?")
    words = tuple(
        Word(text=w, start_ms=start_ms + 400 * n, end_ms=start_ms + 400 * n + 350, confidence=0.3 if n == 1 else 0.9)
        for n, w in enumerate(raw.split())
    )  # fmt: skip
    return FinalTranscript(
        call=CALL, at="2026-01-15T10:00:55.000Z", leg=CALL, track=track, speaker=speaker, utterance=utterance,
        revision=1, text=text, raw_text=raw, start_ms=start_ms, end_ms=start_ms + 400 * len(words), words=words,
        tokens=tuple(Token(text=t, start=n, stop=n + 1) for n, t in enumerate(text.split())), confidence=0.8,
    )  # fmt: skip


LONG = "This is a very long sentence that nobody could read in two lines of captions " * 3

EVENTS: list[AnyEvent] = [
    CallStarted(call=CALL, at="2026-01-15T10:00:50.000Z", from_="+15005550010", to="+15005550006",
                from_name="Alice <A>", to_name="Bob & Co"),
    ParticipantJoined(call=CALL, leg=CALL, speaker="Alice <A>", number="+15005550010"),
    ParticipantJoined(call=CALL, leg=CALL, track="outbound", speaker="Bob & Co"),
    said("Is 5 < 6 & 7 > 6 --> yes?", 1000, utterance="u1"),
    said("It is *really* so.", 2500, utterance="u2", track="outbound", speaker="Bob & Co"),
    said(LONG.strip() + ".", 6000, utterance="u3"),
    CallEnded(call=CALL, at="2026-01-15T10:02:00.000Z", duration_ms=70_000, ended_by="Alice <A>"),
    RevisedTranscript(**{f: getattr(said("It is truly so.", 2500, utterance="u2", track="outbound"), f)
                         for f in ("call", "leg", "track", "speaker", "utterance", "text", "raw_text", "start_ms",
                                   "end_ms", "words", "tokens")}, revision=2, reader="whisper"),
    SpeakerRenamed(call=CALL, leg=CALL, track="outbound", speaker="Bob"),
    UtteranceCorrected(call=CALL, leg=CALL, track="inbound", utterance="u1", text="Is 5 < 6 & 7 > 6 --> yes?!",
                       by="page"),
    TagsChanged(call=CALL, tags=("urgent",)),
]  # fmt: skip


@pytest.fixture
def source() -> Source:
    return Source(CALL, EVENTS)


def content(source: Source, kind: Any) -> str:
    return export(source, kind).content().decode()


def test_subtitles_are_read_by_others(source: Source) -> None:
    found = list(srt.parse(content(source, "srt")))
    assert [cue.index for cue in found] == list(range(1, len(found) + 1))
    assert found[0].content.replace("\n", " ") == "Alice <A>: Is 5 < 6 & 7 > 6 → yes?!"
    assert found[0].start.total_seconds() == 1.0
    assert "Bob: It is truly so." in [cue.content for cue in found]
    assert all(cue.end > cue.start for cue in found)
    assert all(len(cue.content.splitlines()) <= 3 for cue in found)
    assert len(found) > 4  # the long one is several


def test_webvtt_is_read_by_others(source: Source, tmp_path: Path) -> None:
    (tmp_path / "a.vtt").write_bytes(export(source, "vtt").content())
    found = webvtt.read(str(tmp_path / "a.vtt")).captions
    assert found[0].start == "00:00:01.000"
    assert found[0].raw_text.startswith("<v Alice &lt;A&gt;>Is 5 &lt; 6 &amp; 7")
    assert [cue.voice for cue in found if "truly" in cue.text] == ["Bob"]
    assert all(cue.end_in_seconds >= cue.start_in_seconds for cue in found)


def test_csv(source: Source) -> None:
    rows = list(csv.DictReader(io.StringIO(content(source, "csv"))))
    assert [row["speaker"] for row in rows] == ["Alice <A>", "Bob", "Alice <A>"]
    assert rows[1]["text"] == "It is truly so."
    assert rows[1]["first_text"] == "It is *really* so."
    assert rows[0]["start_s"] == "1.000"


def test_a_spreadsheet_takes_nothing_for_a_formula() -> None:
    evil = "=HYPERLINK(1)"
    events = [
        CallStarted(call=CALL, at="2026-01-15T10:00:50.000Z", from_="+15005550010", from_name=evil),
        ParticipantJoined(call=CALL, leg=CALL, speaker=evil, number="+15005550010"),
        *(
            said(text, 1000 * n, utterance=f"u{n}", speaker=evil)
            for n, text in enumerate(("@SUM(A1)", "-2+3", "+1 500", " =1", "a=b", "Plain."))
        ),
    ]
    rows = list(csv.DictReader(io.StringIO(content(Source(CALL, events), "csv"))))
    assert [row["text"] for row in rows] == [
        "'@SUM(A1)", "'-2+3", "'+1 500", "' =1", "a=b", "Plain.",
    ]  # fmt: skip
    assert {(row["speaker"], row["number"]) for row in rows} == {(f"'{evil}", "+15005550010")}


SCRIPT, ARABIC = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>", "\u202eليلى"


def test_names_are_names_whatever_they_look_like() -> None:
    events = [
        CallStarted(call=CALL, at="2026-01-15T10:00:50.000Z", from_name=SCRIPT, to_name=ARABIC),
        ParticipantJoined(call=CALL, leg=CALL, speaker=SCRIPT),
        ParticipantJoined(call=CALL, leg=CALL, track="outbound", speaker=ARABIC),
        said(SCRIPT, 1000, utterance="u1", speaker=SCRIPT),
        said("نعم بالتأكيد.", 3000, utterance="u2", track="outbound", speaker=ARABIC),
        TagsChanged(call=CALL, tags=(SCRIPT,)),
    ]
    page = content(Source(CALL, events), "html")
    assert "<img" not in page
    assert page.count("<script") == 0
    assert f"<bdi>{ARABIC.replace(chr(0x202E), ' ')}</bdi>" in page
    for kind in FORMATS:
        text = content(Source(CALL, events), kind)
        assert ARABIC[1:] in text
        assert ("\u202e" in text or "\\u202e" in text) == (kind == "json")  # which brings it back
    srt_cues = list(srt.parse(content(Source(CALL, events), "srt")))
    assert any("نعم" in cue.content for cue in srt_cues)


@pytest.mark.parametrize(
    "events", [EVENTS[:1], EVENTS[:3], EVENTS[:4]], ids=["empty", "silent", "live"]
)
def test_a_call_without_words_and_one_that_goes_on(events: list[AnyEvent]) -> None:
    source = Source(CALL, events)
    for kind in FORMATS:
        assert content(source, kind).strip() or kind == "srt"  # no cues, no file
    assert len(list(srt.parse(content(source, "srt")))) == max(0, len(events) - 3)
    assert len(list(csv.reader(io.StringIO(content(source, "csv"))))) == max(1, len(events) - 2)


def test_names_of_files_are_harmless() -> None:
    source = Source("../../etc/passwd\n", [CallStarted(call="../../etc/passwd\n")])
    assert export(source, "txt").name == "______etc_passwd_.txt"


def test_a_very_long_call() -> None:
    events = [
        *EVENTS[:3],
        *(said(f"This is sentence {n}.", n * 1000, utterance=f"u{n}") for n in range(10_000)),
    ]
    source = Source(CALL, events)
    assert len(list(srt.parse(content(source, "srt")))) == 10_000
    assert len(document.from_json(export(source, "json").content()).utterances) == 10_000
    assert content(source, "html").count("sentence") == 10_000


def test_prose(source: Source) -> None:
    text = content(source, "txt")
    assert "Is 5 < 6 & 7 > 6 --> yes?!" in text
    assert "Tags: urgent" in text
    assert "[0:02] Bob:\nIt is truly so." in text
    assert "Call: " + CALL in text
    markdown = content(source, "md")
    assert "**Alice \\<A\\>** (0:01): Is 5 \\< 6 & 7 \\> 6 --\\> yes?!" in markdown


async def test_a_page_with_the_sound_inside(source: Source, tmp_path: Path) -> None:
    assert "<audio" not in content(source, "html")
    shelf = await record(tmp_path, (Key(), 0, [(0, tone(500))]))
    recording = shelf.recording(CALL, {(CALL, "inbound"): "Alice"})
    page = content(Source(CALL, EVENTS, functools.partial(wav.mixed_flac, recording)), "html")
    assert 'src="data:audio/flac;base64,ZkxhQ' in page
    assert "Alice &lt;A&gt;" in page
    assert "<A>" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert 'class="doubt"' in page


def test_the_document_is_what_its_schema_says(source: Source) -> None:
    schema = json.loads(SCHEMA.read_text())
    assert schema == json.loads(json.dumps(document.schema())), (
        "make it anew: scripts/write-schemas"
    )
    jsonschema_rs.Draft202012Validator(schema).validate(json.loads(content(source, "json")))
    found = json.loads(content(source, "json"))
    assert found["utterances"][1]["text"] == "It is truly so."
    assert found["utterances"][1]["first_text"] == "It is *really* so."
    assert found["utterances"][0]["recognised_text"] == "Is 5 < 6 & 7 > 6 --> yes?"
    assert found["call"]["tags"] == ["urgent"]
    assert found["utterances"][0]["words"][0]["confidence"] == 0.9


def test_reading_it_back_gives_the_same_record(tmp_path: Path) -> None:
    with SqliteStore.open(tmp_path / "one") as store:
        store.append([CallStarted(call="CAother"), *EVENTS])
        exported = export(Source(CALL, every_event(store, CALL)), "json").content()
        before = store.call(CALL)
        with SqliteStore.open(tmp_path / "two") as other:
            other.append(list(document.from_json(exported).events))
            after = other.call(CALL)
            assert export(Source(CALL, every_event(other, CALL)), "json").content() == exported
    assert before is not None
    assert after is not None
    assert (after.call, after.utterances, after.participants) == (
        before.call,
        before.utterances,
        before.participants,
    )


@settings(deadline=None, max_examples=40)
@given(events=st.lists(st.one_of(*STORED.values()), min_size=1, max_size=30))
def test_any_call_comes_back_as_it_was(events: list[AnyEvent]) -> None:
    """Exported, taken in elsewhere and exported again it is the same file, and the same call to read."""
    call = events[0].call
    once = export(Source(call, events), "json").content()
    events = document.events_of(document.from_json(once))
    with Disk().open() as store:
        store.append(events)
        journalled = every_event(store, call)
    assert journalled == events
    again = export(Source(call, journalled), "json").content()
    found = document.from_json(again)
    assert document.events_of(found) == journalled
    assert export(Source(call, list(found.events)), "json").content() == again
    assert Source(call, found.events).transcript == Source(call, journalled).transcript


def test_a_call_that_went_on_has_ended_where_it_is_taken_in() -> None:
    *_, end = document.events_of(
        document.from_json(export(Source(CALL, EVENTS[:5]), "json").content())
    )
    assert isinstance(end, CallEnded)
    assert (end.status, end.at) == ("interrupted", "2026-01-15T10:00:55.000Z")
    assert end.duration_ms > 2500


@settings(deadline=None)
@given(st.lists(st.one_of(*STORED.values()), min_size=1, max_size=30))
def test_any_call_survives_every_format(events: list[AnyEvent]) -> None:
    source = Source(SOME_CALL, events)
    for kind in FORMATS:
        export(source, kind).content().decode()
    found = document.from_json(export(source, "json").content())
    assert list(found.events) == events
    for cue in srt.parse(captions.srt(source.transcript)):
        assert cue.end > cue.start


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b"{", "not JSON"),
        (b"[]", "not JSON"),
        (b"{}", "format"),
        (b'{"format": "callscribe-call", "version": 2}', "newer"),
        (b'{"format": "callscribe-call", "version": 1}', "damaged"),
        (b"\xff", "not JSON"),
    ],
)
def test_what_is_no_export_is_refused(damage: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        document.from_json(damage)


def test_events_of_another_call_are_refused(source: Source) -> None:
    whole = json.loads(content(source, "json"))
    whole["events"][1]["call"] = "CAother"
    with pytest.raises(DocumentError, match="not those of one call"):
        document.from_json(json.dumps(whole).encode())
    whole["events"] = []
    with pytest.raises(DocumentError, match="no events"):
        document.from_json(json.dumps(whole).encode())


def test_captions_fit_two_lines_and_seven_seconds() -> None:
    found = captions.cues(Transcript(CALL, EVENTS))
    for cue in found:
        assert cue.end_ms - cue.start_ms <= captions.LONGEST_MS
        assert len(cue.text) <= (captions.LINE + 1) * captions.LINES


def test_names_from_right_to_left_turn_nothing_round_and_numbers_are_as_people_write_them() -> None:
    events: list[AnyEvent] = [
        CallStarted(
            call=CALL,
            at="2026-01-15T10:00:50.000Z",
            from_="+15005550010",
            to="+266696687",
            from_name="אבג",
        ),
        said("Hello.", 1000, utterance="u1", speaker="אבג"),
    ]
    transcript = Transcript(CALL, events)
    text = prose.text(transcript)
    assert "From: \u2068אבג\u2069 (+1 (500) 555-0010)" in text
    assert "To: Withheld number" in text
    assert "] \u2068אבג\u2069:" in text
    assert "\u2068אבג\u2069: Hello." in captions.srt(transcript)
