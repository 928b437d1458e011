"""How hard a secret of somebody's own choice is to guess."""

from __future__ import annotations

import re
from collections.abc import Mapping

MINIMUM = 16
"""Characters."""
STRENGTH = 11.5
"""Guesses that a secret must withstand, as a power of ten: ten years at a thousand a second."""
_JUDGED = 64
"""Characters; what comes after them is not judged, which takes some milliseconds."""
_TRIED_FIRST = (
    "callscribe", "twilio", "token", "secret", "password", "auth", "authtoken", "key", "page", "pages", "phone", "call",
    "calls", "transcribe", "transcript", "transcripts", "my", "your", "our", "own", "the", "this", "here", "please",
    "change", "changeme", "replace", "replaceme", "insert", "enter", "set", "put", "with", "example", "sample", "test",
    "demo", "dummy", "random", "value", "string", "long", "strong", "secure", "server", "admin", "user", "dead", "beef",
    "cafe", "babe", "correcthorsebatterystaple",
)  # fmt: skip
"""Words that a token for this program is likely to be made of, and examples from other places."""
_SHORTEST_FACT = 6


def weakness(secret: str, known: Mapping[str, str] | None = None) -> str:
    """Why it could be guessed; empty when it could not.

    Args:
        known: what others know about this server, by what it is called: its number, its account.
    """
    if len(secret) < MINIMUM:
        return f"it has {len(secret)} characters, and at least {MINIMUM} are needed"
    plain = _letters_and_digits(secret)
    facts = {name: _letters_and_digits(fact) for name, fact in (known or {}).items()}
    for name, fact in facts.items():
        if len(fact) >= _SHORTEST_FACT and fact in plain and len(plain) < len(fact) + MINIMUM:
            return f"it contains {name}, which others know"
    from zxcvbn import zxcvbn  # its lists of words take a moment to load

    for written in {secret, plain or secret}:  # a stroke between words is no secret
        guesses = zxcvbn(written[:_JUDGED], user_inputs=[*_TRIED_FIRST, *facts.values()])
        if guesses["guesses_log10"] < STRENGTH:
            return "it consists of common words, repetitions or sequences that are easy to guess"
    return ""


def _letters_and_digits(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
