from __future__ import annotations

import numpy as np
import pytest

from callscribe.errors import ModelError
from callscribe.recognition.scripted import ScriptedRecognizer, ScriptedWord, spoken


def test_words_come_when_their_audio_has_and_only_once() -> None:
    session = ScriptedRecognizer(spoken("one two", 100)).start_session()

    assert session.accept(np.zeros(8 * 300, np.int16)) == ()
    (partial,) = session.accept(np.zeros(8 * 200, np.int16))
    assert [(w.text, w.start_ms, w.end_ms) for w in partial.words] == [("one", 100, 400)]
    session.skip(8 * 1000)
    (final,) = session.endpoint()
    assert final.final
    assert [word.text for word in final.words] == ["one", "two"]
    assert session.finish() == ()


def test_an_endpoint_in_the_past_leaves_later_words_to_the_next_utterance() -> None:
    session = ScriptedRecognizer(spoken("a b c")).start_session()
    session.accept(np.zeros(8000, np.int16))

    assert [w.text for w in session.endpoint(600)[0].words] == ["a", "b"]
    assert [w.text for w in session.endpoint()[0].words] == ["c"]


def test_each_session_has_the_next_script() -> None:
    recognizer = ScriptedRecognizer([ScriptedWord("a", 0, 1)], [ScriptedWord("b", 0, 1)])

    heard = [
        recognizer.start_session().accept(np.zeros(80, np.int16))[0].words[0].text for _ in range(3)
    ]

    assert heard == ["a", "b", "b"]


def test_phrases_are_refused() -> None:
    with pytest.raises(ModelError):
        ScriptedRecognizer().start_session(["yes"])
