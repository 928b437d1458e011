"""Where words stand in a call, as written or as they were said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.transcript.fold import Transcript
from callscribe.web.drawing import WORDS
from callscribe.web.looking import look
from tests.transcript.events import CALL, any_events
from tests.web.script import bank


def found(typed: str, words: str = "written") -> list[str]:
    call, events = bank()
    transcript = Transcript(call.sid, events)
    shown = {
        said.id: said.raw_text if words == "raw" else said.text for said in transcript.utterances
    }
    looked = look(transcript.utterances, typed, words)  # type: ignore[arg-type]
    return [shown[place.utterance][place.start : place.stop] for place in looked.places]


@pytest.mark.parametrize(
    ("typed", "places"),
    [
        ("", []),
        ("  ,", []),
        ("account", ["account", "account"]),
        ("ACC", ["account", "account"]),
        ("savings account", ["savings account"]),
        ("account savings", []),
        ("4072", ["4 0 7 2"]),
        ("four oh seven two", ["4 0 7 2"]),
        ("$250", ["$250"]),
        ("third of march", ["3rd of March"]),
    ],
)
def test_found(typed: str, places: list[str]) -> None:
    assert found(typed) == places


def test_raw_words() -> None:
    assert found("4072", "raw") == ["four oh seven two"]
    assert found("oh seven", "raw") == ["oh seven"]


@given(any_events, st.text(max_size=8), st.sampled_from(WORDS))
def test_places_are_in_the_text_and_apart(events: list, typed: str, words) -> None:  # type: ignore[no-untyped-def,type-arg]
    transcript = Transcript(CALL, events)
    lengths = {
        said.id: len(said.raw_text if words == "raw" else said.text)
        for said in transcript.utterances
    }
    before: dict[str, int] = {}
    for place in look(transcript.utterances, typed, words).places:
        assert (
            before.get(place.utterance, 0) <= place.start < place.stop <= lengths[place.utterance]
        )
        before[place.utterance] = place.stop
