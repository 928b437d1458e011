"""What the server makes of its settings before it listens."""

from __future__ import annotations

import pytest

from callscribe.calls.plans import NumberFlow
from callscribe.server.policy import calls_can_arrive, expected, session_options
from callscribe.settings import Settings
from callscribe.speech.endpoint import EndpointOptions

SETTINGS = Settings(endpoint_silence_ms=500, endpoint_max_ms=15_000)


def test_a_number_has_its_own_recognition() -> None:
    plan = NumberFlow(phrases=("yes", "no"), endpoint_silence_ms=900, endpoint_max_ms=8000)
    options = session_options(SETTINGS, plan)
    assert options.decoding.phrases == ("yes", "no")
    assert options.decoding.endpoints == EndpointOptions(silence_ms=900, longest_ms=8000)


def test_what_a_number_leaves_open_is_general() -> None:
    options = session_options(SETTINGS, NumberFlow())
    assert options.decoding.phrases == ()
    assert options.decoding.endpoints == EndpointOptions(silence_ms=500, longest_ms=15_000)


def test_a_call_is_read_again_with_its_numbers_words_and_the_contacts_names() -> None:
    settings = Settings(contacts={"+15005550010": "Ann", "+15005550011": "Bob"})
    assert expected(settings, NumberFlow(words=("Oldroyd", "Ann")), "en").hints == (
        "Oldroyd",
        "Ann",
        "Bob",
    )
    many = {f"+1500555{n:04}": f"Name {n}" for n in range(1000)}
    assert len(expected(Settings(contacts=many), NumberFlow(), "de").hints) <= 40


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), False),
        (Settings(tunnel="ngrok"), True),
        (Settings(public_url="https://calls.example.com"), True),
        (Settings(public_url="http://192.168.1.5:8080"), False),
        (Settings(public_url="https://localhost"), False),
        (Settings(public_url="https://[fd00::5]"), False),
        (Settings(public_url="http://127.0.0.1:1", api_url="http://127.0.0.1:2"), True),
        (
            Settings(public_url="https://box.local", api_url="https://api.dublin.ie1.twilio.com"),
            False,
        ),
    ],
)
def test_only_an_address_that_twilio_reaches_brings_calls(
    settings: Settings, expected: bool
) -> None:
    assert calls_can_arrive(settings) is expected
