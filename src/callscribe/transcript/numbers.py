"""Phone numbers and other addresses of parties, as people write them."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

_GROUPED = re.compile(r"\+[\d\s().\-\u2010-\u2015]+")
"""A number with its country code, grouped in whatever way."""
WITHHELD = frozenset(
    {
        "anonymous",
        "restricted",
        "unavailable",
        "unknown",
        "private",
        "blocked",
        # The same words typed on a telephone's keys, which Twilio sends in place of a withheld number
        # (https://www.twilio.com/docs/voice/twiml: "anonymous", "restricted", "unknown", "unavailable").
        "+266696687",
        "+7378742833",
        "+8656696",
        "+86282452253",
        "+2562533",
    }
)
"""What comes in place of a number that the caller does not show, in lower case."""


def is_withheld(number: str) -> bool:
    """Whether there is no number in this: empty, or one of the words that stand for "not shown"."""
    return not number or number.lower() in WITHHELD


@lru_cache(maxsize=4096)
def written(number: str) -> str:
    """`+1 (500) 555-0012`, `+44 20 7946 0018`; `sip:` and `client:` addresses without their scheme.

    However it was grouped before. Anything that is no number comes back as it is; nothing at all when the number was
    withheld.
    """
    if is_withheld(number):
        return ""
    scheme, colon, rest = number.partition(":")
    if colon and scheme in ("sip", "sips", "client"):
        return rest.partition(";")[0] or number
    if not _GROUPED.fullmatch(number):
        return number
    figures = [figure for figure in number if figure.isascii() and figure.isdigit()]
    try:
        parsed = phonenumbers.parse(f"+{''.join(figures)}")
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_possible_number(parsed):
        return number
    if parsed.country_code == 1:  # North America writes the area code in brackets.
        national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        shown = f"+1 {national}"
    else:
        shown = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    # Leading zeros that mean nothing are dropped in between; a number is shown whole or as it came.
    return shown if [c for c in shown if c.isdigit()] == figures else number
