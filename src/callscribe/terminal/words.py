"""What somebody said, as text with styles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from callscribe.outlet import clean
from callscribe.terminal.layout import QUIET
from callscribe.transcript.parts import Utterance


@dataclass(frozen=True, slots=True)
class Words:
    """How words are shown."""

    raw: bool = False
    """The recogniser's own words instead of the written form."""
    fillers: Literal["keep", "dim", "hide"] = "dim"
    """What happens to the tokens marked as fillers ("uh", "um")."""

    def final(self, said: Utterance) -> Text:
        """Words that stay; empty when there is nothing to show."""
        if self.raw:
            return Text(clean(said.raw_text))
        words = Text()
        left_out = False
        for stretch in said.stretches:
            text = clean(stretch.text)
            if stretch.filler and self.fillers == "hide":
                left_out = True
                continue
            # Its space goes with it, so that none is doubled.
            text = text.removeprefix(" ") if left_out else text
            left_out = False
            words.append(text, QUIET if stretch.filler and self.fillers == "dim" else None)
        return words

    def partial(self, said: Utterance) -> Text:
        """Words being said: settled ones plain, undecided ones dim. Empty when there are none."""
        text = said.raw_text if self.raw else said.text
        settled = 0 if self.raw else max(0, min(said.settled, len(text)))
        words = Text()
        if clean(text).strip():
            words.append(clean(text[:settled]))
            words.append(clean(text[settled:]), QUIET)
        return words
