"""Secrets of people's own choice."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from callscribe.web.strength import weakness


@pytest.mark.parametrize(
    "token",
    [
        "short",
        "aaaaaaaaaaaaaaaaaaaa",
        "1234567890123456",
        "passwordpassword",
        "qwertyuiopasdfgh",
        "callscribecallscribe",
        "abcdefghijklmnop",
        "hunter2hunter2hunter2",
        "a" * 100_000,
        "................",
        "callscribe-secret-token",
        "twilio-callscribe-2024",
        "CALLSCRIBE_TOKEN",
        "your-own-secret-token",
        "change-me-please-now",
        "correct horse battery staple",
        "correct-horse-battery-staple",
        "my-secret-token-123",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_tokens_that_programs_guess(token: str) -> None:
    assert weakness(token)


@pytest.mark.parametrize(
    "token",
    [
        "a-token-of-twenty-odd-characters",
        "tulip ranch oblige",
        "vN3-kq0ZrT8x_mWb",
        "!#%^&*()-+=[]{}~`",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_tokens_that_nobody_guesses(token: str) -> None:
    assert weakness(token) == ""


@given(st.binary(min_size=24, max_size=24))
@settings(max_examples=20)
def test_a_made_token_is_never_weak(random: bytes) -> None:
    assume(len(set(random)) > 12)
    assert weakness(urlsafe_b64encode(random).decode()) == ""


KNOWN = {
    "your number": "+15005550006",
    "the account SID": "AC5f3e8a1c9d7b2046e8f1a3c5d7b90246",
    "the public address": "calls.example.com",
    "nothing": "",
}


@pytest.mark.parametrize(
    "token",
    [
        "AC5f3e8a1c9d7b2046e8f1a3c5d7b90246",
        "ac5f3e8a1c9d7b2046e8f1a3c5d7b90246-1",
        "+1 (500) 555-0006 x9Kq2",
        "https://calls.example.com",
    ],
)
def test_what_others_know_is_no_secret(token: str) -> None:
    assert "which others know" in weakness(token, KNOWN)
    assert weakness(f"vN3-kq0ZrT8x_mWb-Hq7z-{token}", KNOWN) == ""


@given(st.text(min_size=16, max_size=80))
@settings(max_examples=50, deadline=None)
def test_any_text_is_judged(token: str) -> None:
    weakness(token, KNOWN)
