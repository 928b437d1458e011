"""Language codes as the publishers of models write them."""

from __future__ import annotations

_CODES = {"cn": "zh", "kz": "kk", "ua": "uk", "vn": "vi", "tl-ph": "fil", "el-gr": "el"}
"""Codes in use there that are not BCP 47."""


def bcp47(code: str) -> str:
    """A publisher's code as BCP 47: `cn` is `zh`, `en-us` is `en-US`."""
    code = _CODES.get(code.lower(), code)
    language, _, region = code.partition("-")
    return f"{language.lower()}-{region.upper()}" if region else language.lower()


def same_language(one: str, other: str) -> bool:
    """Whether two BCP 47 tags agree as far as both say: `en` and `en-US` do, `en-GB` and `en-US` too."""
    return one.split("-")[0].lower() == other.split("-")[0].lower()
