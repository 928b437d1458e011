"""What somebody said, as text with styles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from callscribe.events import FinalTranscript, PartialTranscript
from callscribe.outlet import clean
from callscribe.terminal.layout import QUIET, cleaned


@dataclass(frozen=True, slots=True)
class Words:
    """How words are shown."""

    raw: bool = False
    """The recogniser's own words instead of the written form."""
    fillers: Literal["keep", "dim", "hide"] = "dim"
    """What happens to the tokens marked as fillers ("uh", "um")."""

    def final(self, event: FinalTranscript) -> Text:
        """Words that stay; empty when there is nothing to show."""
        text = event.raw_text if self.raw else event.text
        words = Text()
        place = 0
        for token in () if self.raw else event.tokens:
            at = text.find(token.text, place) if token.text else -1
            if at < 0:
                continue
            if token.filler:
                words.append(text[place:at])
                if self.fillers != "hide":
                    words.append(token.text, QUIET if self.fillers == "dim" else None)
                else:
                    # Its space goes with it, so that none is doubled.
                    at += len(text[at + len(token.text) :]) and text[at + len(token.text)] == " "
                place = at + len(token.text)
        words.append(text[place:])
        return cleaned(words)

    def partial(self, event: PartialTranscript) -> Text:
        """Words being said: settled ones plain, undecided ones dim. Empty when there are none."""
        text = event.raw_text if self.raw else event.text
        settled = 0 if self.raw else max(0, min(event.settled, len(text)))
        words = Text()
        if clean(text).strip():
            words.append(clean(text[:settled]))
            words.append(clean(text[settled:]), QUIET)
        return words
