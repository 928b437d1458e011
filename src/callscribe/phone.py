"""Phone numbers as they are written and compared. Pure."""

from __future__ import annotations

import re

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def normal(number: str) -> str:
    """A number as it is compared: without spaces, dots, dashes and brackets."""
    return "".join(c for c in number if c not in " .-()/\u00a0").lower()


def is_number(text: str) -> bool:
    """Whether it is a number in the international form (E.164), however it is grouped: `+1 500 555 0006`."""
    return _E164.fullmatch(normal(text)) is not None
