"""Phone numbers and other addresses of parties, as people write them."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from callscribe.phone import is_withheld

_GROUPED = re.compile(r"\+[\d\s().\-\u2010-\u2015]+")
"""A number with its country code, grouped in whatever way."""


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
