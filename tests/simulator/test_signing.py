"""Vectors from the protocol notes, computed there with the official library."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from callscribe.simulator.signing import sign, socket_url, spoil

TOKEN = "0123456789abcdef0123456789abcdef"
FORM = [
    ("AccountSid", "AC00000000000000000000000000000001"),
    ("ApiVersion", "2010-04-01"),
    ("CallSid", "CA00000000000000000000000000000002"),
    ("CallStatus", "ringing"),
    ("Called", "+15005550006"),
    ("Caller", "+15005550010"),
    ("Direction", "inbound"),
    ("From", "+15005550010"),
    ("FromCity", ""),
    ("To", "+15005550006"),
]


def test_a_form_post() -> None:
    assert sign(TOKEN, "https://calls.example.test/voice", FORM) == "fpXNH/NsxtchCpOSuMegz02oCk4="


def test_a_get() -> None:
    signature = sign(TOKEN, "https://calls.example.test/voice?foo=1&bar=2")
    assert signature == "q1ZQ5ptRIHzMK8Rkx7XKS6CeMH8="


def test_a_socket_with_and_without_the_slash() -> None:
    url = "wss://calls.example.test/media"
    assert sign(TOKEN, socket_url(url)) == "g9rmzpHmLDuyev/o1rmxURkMzxk="
    assert sign(TOKEN, socket_url(url, slash=True)) == "un6BqQjqFD1pK38SaYiGJSPP3pg="
    assert socket_url("ws://127.0.0.1:8080/media/x?y=1") == "wss://127.0.0.1:8080/media/x"


@given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1, max_size=3)))
def test_it_agrees_with_the_official_library(form: dict[str, list[str]]) -> None:
    class Multi(dict[str, list[str]]):
        def getall(self, name: str) -> list[str]:
            return self[name]

    pairs = [(name, value) for name, values in form.items() for value in values]
    url = "https://calls.example.test/voice"
    theirs = RequestValidator(TOKEN).compute_signature(url, Multi(form))
    assert sign(TOKEN, url, pairs) == theirs


def test_a_spoilt_signature_is_another_of_the_same_length() -> None:
    signature = sign(TOKEN, "https://calls.example.test/voice", FORM)
    assert spoil(signature) != signature
    assert len(spoil(signature)) == len(signature)
