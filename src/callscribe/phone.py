"""Phone numbers as they are written and compared. Pure."""

from __future__ import annotations

import re

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


WITHHELD = frozenset(
    {
        "anonymous",
        "restricted",
        "unavailable",
        "unknown",
        "private",
        "blocked",
        "withheld",
        # The same words typed on a telephone's keys, which Twilio sends in place of a withheld number
        # (https://www.twilio.com/docs/voice/twiml: "anonymous", "restricted", "unknown", "unavailable").
        "266696687",
        "7378742833",
        "8656696",
        "86282452253",
        "2562533",
        "7748283",
    }
)
"""What comes in place of a number that the caller does not show, in lower case and without a plus sign."""


def is_withheld(number: str) -> bool:
    """Whether there is no number in this: empty, or one of the words that stand for "not shown", alone or as the user
    of a SIP address (`sip:anonymous@anonymous.invalid`, RFC 3323).
    """
    word = number.strip().lower()
    if word.startswith(("sip:", "sips:", "client:")):
        word = word.partition(":")[2].partition("@")[0]
    return not word or word.removeprefix("+") in WITHHELD


def normal(number: str) -> str:
    """A number as it is compared: without spaces, dots, dashes and brackets."""
    return "".join(c for c in number if c not in " .-()/\u00a0").lower()


def is_number(text: str) -> bool:
    """Whether it is a number in the international form (E.164), however it is grouped: `+1 500 555 0006`."""
    return _E164.fullmatch(normal(text)) is not None
