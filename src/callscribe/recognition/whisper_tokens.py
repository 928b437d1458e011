"""What the tokens of a Whisper model mean: words, time stamps, figures, and whether they go round in circles."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from callscribe.errors import ModelError
from callscribe.recognition import windows

_STAMP_MS: Final = 20
"""From one time stamp to the next; they follow the token that forbids them (openai/whisper, tokenizer.py)."""
_FIGURE: Final = re.compile(r"[0-9$£€¥]|Â£|Â¥|âĤ¬")
"""Byte-level tokens spell £ as Â£ and € as âĤ¬."""
_NO_SPACES: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue", "km"})


class Vocabulary:
    """A model's tokens: text, and those that mean something else."""

    def __init__(self, tokenizer: Any) -> None:
        """
        Args:
            tokenizer: a `tokenizers.Tokenizer`.

        Raises:
            ModelError: it is not a Whisper model's.
        """
        self._tokenizer = tokenizer
        self.end = self._named("<|endoftext|>")
        self.start = self._named("<|startoftranscript|>")
        self.before = self._named("<|startofprev|>")
        self.no_times = self._named("<|notimestamps|>")
        self.transcribe = self._named("<|transcribe|>")
        written = {token: text for text, token in tokenizer.get_vocab().items() if token < self.end}
        self.forbidden = sorted(token for token, text in written.items() if _FIGURE.search(text))
        """Tokens with figures and currency signs: numbers are to be written as they are spoken."""
        self._begins = frozenset(token for token, text in written.items() if text.startswith("Ġ"))

    def language(self, tag: str) -> int:
        """The token of a BCP 47 tag.

        Raises:
            ModelError: the model does not know it.
        """
        return self._named(f"<|{tag.split('-')[0].lower()}|>")

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, as it follows another."""
        ids: list[int] = self._tokenizer.encode(" " + text.strip(), add_special_tokens=False).ids
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, with the space before it, if there is one."""
        return str(self._tokenizer.decode(list(tokens)))

    def words(self, tokens: Sequence[int], language: str) -> list[list[int]]:
        """The tokens of each written word."""
        spaced = has_spaces(language)
        groups: list[list[int]] = []
        for token in tokens:
            begins = (
                token in self._begins
                if spaced
                else self._is_whole(groups) and not self._is_sign(token)
            )
            if begins or not groups:
                groups.append([token])
            else:
                groups[-1].append(token)
        return groups

    def stretches(self, tokens: Sequence[int]) -> tuple[windows.Stretch, ...]:
        """What stands between the time stamps of an answer; what follows the last has no end of its own."""
        found: list[windows.Stretch] = []
        start_ms = count = 0
        for token in tokens:
            if token < self.end:
                count += 1
            elif token > self.no_times:
                at_ms = (token - self.no_times - 1) * _STAMP_MS
                if count:
                    found.append(windows.Stretch(start_ms, at_ms, count))
                start_ms, count = at_ms, 0
        if count:
            found.append(windows.Stretch(start_ms, windows.WINDOW_MS, count))
        return tuple(found)

    def _named(self, name: str) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise ModelError(
                f"The model's tokenizer.json does not know {name}: it is not a Whisper model."
            )
        return int(found)

    def _is_sign(self, token: int) -> bool:
        """Whether it begins with an accent or vowel sign, which belongs to the letter before."""
        return unicodedata.category(self.decode([token])[:1] or " ")[0] == "M"

    def _is_whole(self, groups: Sequence[Sequence[int]]) -> bool:
        """Whether the last group is whole characters, so that the next token begins a new one."""
        return not groups or "�" not in self.decode(groups[-1])


def loops(tokens: Sequence[int]) -> bool:
    """Whether an answer goes round in circles: one token eight times, up to eight together four times, or as many as
    a long sentence has three times."""
    for length in range(1, 25):
        times = 8 if length == 1 else 4 if length <= 8 else 3
        for start in range(len(tokens) - length * times + 1):
            part = tuple(tokens[start : start + length])
            if all(
                tuple(tokens[start + k * length : start + (k + 1) * length]) == part
                for k in range(1, times)
            ):
                return True
    return False


def has_spaces(language: str) -> bool:
    """Whether a language (BCP 47) is written with spaces between its words."""
    return language.split("-")[0] not in _NO_SPACES
