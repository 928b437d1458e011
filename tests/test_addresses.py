from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.addresses import (
    check_public_url,
    host_and_port,
    is_loopback_name,
    masked,
    parse,
    tidy,
)
from callscribe.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example.ORG:80", ("example.org", "80")),
        ("[::1]:8080", ("::1", "8080")),
        ("localhost.", ("localhost", "")),
        ("a@b", ("", "")),
        ("a/b", ("", "")),
        ("a:port", ("", "")),
        ("[::1", ("", "")),
        ("", ("", "")),
    ],
)
def test_host_headers_are_read_strictly(text: str, expected: tuple[str, str]) -> None:
    assert host_and_port(text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("localhost", True), ("127.8.9.1", True), ("::1", True), ("127.0.0.1.x", False), ("", False)],
)
def test_loopback_names(name: str, expected: bool) -> None:
    assert is_loopback_name(name) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://calls.example.com", "https://calls.example.com"),
        ("https://calls.example.com/", "https://calls.example.com"),
        (" https://calls.example.com// \n", "https://calls.example.com"),
        ("https://calls.example.com/twilio/voice", "https://calls.example.com"),
        ("https://calls.example.com/twilio/voice/", "https://calls.example.com"),
        ("https://calls.example.com//twilio//voice", "https://calls.example.com"),
        ("https://calls.example.com/twilio/status", "https://calls.example.com"),
        ("https://calls.example.com/twilio", "https://calls.example.com"),
        ("https://calls.example.com/Twilio/Voice", "https://calls.example.com"),
        ("https://calls.example.com/a/b/twilio/voice", "https://calls.example.com/a/b"),
        ("https://calls.example.com/twilio-voice", "https://calls.example.com/twilio-voice"),
        (
            "https://user:pass@calls.example.com:8443/p/",
            "https://user:pass@calls.example.com:8443/p",
        ),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example"),
        ("https://mu\u0308nchen。example/", "https://xn--mnchen-3ya.example"),
        (
            "https://user:pw@MÜNCHEN.example:8443/ü",
            "https://user:pw@xn--mnchen-3ya.example:8443/%C3%BC",
        ),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("HTTPS://Calls.Example.com/", "https://Calls.Example.com"),
        ("https://calls.example.com./", "https://calls.example.com"),
        ("https://calls.example.com:/", "https://calls.example.com"),
        ("https://@calls.example.com", "https://calls.example.com"),
        ("https://calls.example.com:443/twilio/voice", "https://calls.example.com:443"),
        ('"https://calls.example.com"', "https://calls.example.com"),
        ("<https://calls.example.com/>", "https://calls.example.com"),
        ("\ufeff\u201chttps://calls.example.com\u201d\u200b", "https://calls.example.com"),
        ("https://calls.example.com/twilio/voice?", "https://calls.example.com"),
        ("https://calls.example.com/twilio/voice/twilio/voice", "https://calls.example.com"),
        ("https://calls.example.com/twilio/phone", "https://calls.example.com/twilio/phone"),
        ("https://my_host.example/", "https://my_host.example"),
    ],
)
def test_a_public_address_is_tidied(text: str, expected: str) -> None:
    assert tidy(text) == expected
    assert tidy(expected) == expected
    assert check_public_url(text) == expected


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-z0-9.:\[\]@/?#-]{0,30}", fullmatch=True))
def test_any_text_is_tidied_once_and_for_all(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)
    with contextlib.suppress(SettingsError):
        assert parse(check_public_url(text)) is not None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must start with https://"),
        ("calls.example.com", "Did you mean https://calls.example.com?"),
        ("wss://calls.example.com/x", "Did you mean https://calls.example.com/x?"),
        ("ftp://calls.example.com", "must start with https://"),
        ("https://", "name a host"),
        ("https://[bad", "name a host"),
        ("https://[::1", "name a host"),
        ("https://[2001:db8::7].8080", "name a host"),
        ("https://a[2001:db8::7]", "name a host"),
        ("https://a..b", "name a host"),
        ("https://.a", "name a host"),
        ("https://-a.example", "name a host"),
        ("https://a b", "name a host"),
        ("https://1.2.3.999", "name a host"),
        ("https://calls.example.com:99999", "name a host"),
        ("https://calls.example.com:0", "name a host"),
        ("https://calls.example.com:x", "name a host"),
        ("https://" + "a" * 64 + ".example", "name a host"),
        ("https://calls.example.com/?a=b", "must end before any"),
        ("https://calls.example.com/#a", "must end before any"),
        ("https://calls.example.com/twilio/voice?x=1", "must end before any"),
        ("https:calls.example.com", "Did you mean https://calls.example.com?"),
        ("https//calls.example.com", "Did you mean https://calls.example.com?"),
        ("https:/calls.example.com", "Did you mean https://calls.example.com?"),
        ("https:///calls.example.com", "Did you mean https://calls.example.com?"),
        ("//calls.example.com/twilio/voice", "Did you mean https://calls.example.com?"),
        ("https:\\\\calls.example.com", "Did you mean https://calls.example.com?"),
        ("https://0x7f000001", "name a host"),
        ("https://2130706433", "name a host"),
        ("https://😀.example", "name a host"),
        ("https://calls.example.com/twilio/voice.", "has /twilio/voice in it"),
        ("https://calls.example.com/twilio/voice%20", "has /twilio/voice in it"),
        ("https://calls.example.com/twilio%2Fvoice", "has /twilio/voice in it"),
        ("https://calls.example.com/twilio/voice;a/x", "has /twilio/voice in it"),
        ("https://calls.example.com/a/../b", "has a step like"),
        ("https://calls.example.com/%2e", "has a step like"),
        ("https://calls.example.com/100%", "Write %25"),
        ("https://me:p%w@calls.example.com", "Write %25"),
        ("https://me:p@w@calls.example.com", "Write %40"),
    ],
)
def test_what_is_no_public_address(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(reason)):
        check_public_url(text)


@pytest.mark.parametrize("host", ["calls.example.com", "8.8.8.8:8080", "[2606:4700::1111]"])
def test_twilio_wants_tls(host: str) -> None:
    with pytest.raises(SettingsError, match="over TLS only"):
        check_public_url(f"http://{host}", secure=True)
    assert check_public_url(f"https://{host}", secure=True) == f"https://{host}"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:9000", "localhost", "[::1]:80", "192.168.1.5:8080", "callscribe:8080", "box.local"],
)
def test_a_simulated_call_needs_none(host: str) -> None:
    assert check_public_url(f"http://{host}", secure=True) == f"http://{host}"


def test_an_address_is_shown_without_its_password() -> None:
    for secret in ("me:secret@", "secret@", ":secret@", "me:sec@secret@", "secret:@"):
        assert "secret" not in masked(f"wss://{secret}calls.example.com:8443/a@b?c@d")
        with pytest.raises(SettingsError) as refused:
            check_public_url(f"https://{secret}calls.example.com/?x")
        assert "secret" not in str(refused.value)
    assert masked("https://calls.example.com/a@b") == "https://calls.example.com/a@b"
