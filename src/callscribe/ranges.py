"""Bounds of numbers that are set in more than one place, generally and for one phone number. Pure."""

from __future__ import annotations

from typing import NamedTuple

from callscribe.errors import SettingsError


class Range(NamedTuple):
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int

    def check(self, value: int, where: str) -> int:
        """The value itself.

        Args:
            where: what is being set, for the message.

        Raises:
            SettingsError: it lies outside.
        """
        if not self.low <= value <= self.high:
            said = value if abs(value) < 10**20 else "so large a number"
            raise SettingsError(f"{where} must be between {self.low} and {self.high}, not {said}.")
        return value


_DIGITS = 18


def whole_number(text: str) -> int | None:
    """What somebody else wrote as a whole number: plain digits, and not more of them than a number of ours can have.
    None when it is none."""
    digits = text.lstrip("0") or text[-1:]
    if not (text.isascii() and text.isdigit() and len(digits) <= _DIGITS):
        return None
    return int(digits)


HOLD_SECONDS = Range(1, 4 * 3600)
"""How long a line is held: Twilio ends a call after four hours."""
ENDPOINT_SILENCE_MS = Range(200, 5_000)
"""Silence that ends an utterance."""
ENDPOINT_MAX_MS = Range(2_000, 120_000)
"""Longest utterance before it is divided."""
EVERY = Range(0, 2**31 - 1)
"""For a number that has no bounds of its own."""
