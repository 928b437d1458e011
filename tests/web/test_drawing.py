"""How an utterance's words are shown."""

from __future__ import annotations

from collections.abc import Sequence

from callscribe.events import Token, Word
from callscribe.transcript.parts import Person, Utterance
from callscribe.web.drawing import shown

ANN = Person("CA1", "inbound", "Ann", 0)


def said(text: str, confidences: Sequence[float], first: str = "") -> Utterance:
    spoken = text.split()
    words = [
        Word(word.lower(), 100 * n, 100 * n + 90, confidence)
        for n, (word, confidence) in enumerate(zip(spoken, confidences, strict=True))
    ]
    return Utterance(
        "u1", ANN, 0, 100 * len(spoken), text, text.lower(), tuple(words),
        tuple(Token(word, n, n + 1) for n, word in enumerate(spoken)), first_text=first,
    )  # fmt: skip


def doubtful(utterance: Utterance) -> dict[str, str]:
    return {word.text: word.about for word in shown(utterance, "written") if word.kind == "doubt"}


def test_words_carry_their_time() -> None:
    utterance = said("Yes please", (0.9, 0.9))
    for words, spoken in (("written", ["Yes", " ", "please"]), ("raw", ["yes", " ", "please"])):
        found = shown(utterance, "raw" if words == "raw" else "written")
        assert [word.text for word in found] == spoken
        assert [(word.start_ms, word.end_ms) for word in found] == [
            (0, 90),
            (None, None),
            (100, 190),
        ]


def test_at_most_the_weakest_tenth_is_doubtful() -> None:
    assert doubtful(said("a b c", (0.4, 0.3, 0.9))) == {"b": "30% sure"}
    names = " ".join(f"w{n}" for n in range(20))
    assert doubtful(said(names, [0.01 * n + 0.1 for n in range(20)])) == {
        "w0": "10% sure",
        "w1": "11% sure",
    }
    assert doubtful(said("a b", (0.6, 0.9))) == {}


def test_a_doubtful_word_says_what_was_heard_first() -> None:
    utterance = said("The payroll is due", (0.9, 0.38, 0.9, 0.9), "The payment is due")
    assert doubtful(utterance) == {"payroll": "38% sure; first heard: payment"}
    longer = said("The payroll is due", (0.9, 0.38, 0.9, 0.9), "The payroll is")
    assert doubtful(longer) == {"payroll": "38% sure"}
