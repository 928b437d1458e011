"""Nothing that a sender chose steers what shows it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.events import (
    AnyEvent,
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    NoteChanged,
    TagsChanged,
    Token,
    Word,
)
from callscribe.exports.formats import FORMATS, export
from callscribe.exports.source import Source
from callscribe.names import misplaced
from callscribe.transcript.fold import Transcript
from callscribe.transcript.readable import readable

HOSTILE = "Eve\x1b]0;title\x07\x9b31m\u202ered\u2066\u061c\u2069\x7f\x00\r\n\u2028\u206a\ufffb"
CALL = "CA0123456789abcdef0123456789abcdef"


def final(text: str) -> FinalTranscript:
    return FinalTranscript(
        call=CALL,
        leg=CALL,
        track="inbound",
        speaker=text,
        utterance="u1",
        revision=1,
        text=text,
        raw_text=text,
        start_ms=0,
        end_ms=900,
        words=(Word(text, 0, 900, 0.5),),
        tokens=(Token(text, 0, 1),),
    )


EVENTS: list[AnyEvent] = [
    CallStarted(
        call=CALL, from_=HOSTILE, to=HOSTILE, from_name=HOSTILE, to_name=HOSTILE, room=HOSTILE
    ),
    CallUpdated(call=CALL, conference_sid=HOSTILE, dial=Dial(status=HOSTILE, name=HOSTILE)),
    final(HOSTILE),
    TagsChanged(call=CALL, tags=("one", HOSTILE), by=HOSTILE),
    NoteChanged(call=CALL, text=f"one\n{HOSTILE}"),
]


def texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for each in value.values() for text in texts(each)]
        case list() | tuple():
            return [text for each in value for text in texts(each)]
        case _:
            return []


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_text_of_an_event_is_cleaned(event: AnyEvent) -> None:
    found = texts(msgspec.to_builtins(readable(event)))
    assert not [text for text in found if misplaced(text)]
    assert ("\n" in "".join(found)) == isinstance(event, NoteChanged)


@given(st.text())
def test_places_in_a_text_stay_right_and_identities_as_they_are(text: str) -> None:
    event = msgspec.structs.replace(final(text), leg=text, utterance=text)
    cleaned = readable(event)
    assert isinstance(cleaned, FinalTranscript)
    assert len(cleaned.text) == len(text)
    assert (cleaned.leg, cleaned.utterance) == (text, text)


@pytest.mark.parametrize(
    "name", ["Zoë", "علی\u200cرضا", "👩\u200d👩\u200d👧", "日本\u3000語", "a\xa0b"]
)
def test_what_a_script_needs_stays(name: str) -> None:
    event = final(name)
    assert readable(event) is event


@pytest.mark.parametrize("kind", FORMATS)
def test_no_export_holds_what_a_terminal_would_obey(kind: str) -> None:
    content = export(Source(CALL, EVENTS), kind).content().decode()  # type: ignore[arg-type]
    if kind != "json":  # which brings the call back as it was
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u061c", "\x7f", "\x00"} & set(content)


def test_what_people_read_is_clean() -> None:
    transcript = Transcript(CALL, EVENTS)
    shown = [transcript.call.from_name, transcript.call.room, transcript.utterances[0].text]
    assert not [text for text in shown if misplaced(text)]
