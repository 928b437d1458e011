"""The vectors were computed with the official library (twilio 9.13) for the token below."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from callscribe.carriers.twilio.signature import SignatureChecker, SignatureRefused, sign
from callscribe.carriers.twilio.webhook import Form
from callscribe.errors import SettingsError

EXAMPLES = Path(__file__).parents[3].parent / "shared" / "docs" / "twilio-examples"
TOKEN = "0123456789abcdef0123456789abcdef"
ORIGIN = "https://calls.example.test"
PARAMS = {
    "AccountSid": "AC00000000000000000000000000000001",
    "ApiVersion": "2010-04-01",
    "CallSid": "CA00000000000000000000000000000002",
    "CallStatus": "ringing",
    "Called": "+15005550006",
    "Caller": "+15005550010",
    "Direction": "inbound",
    "From": "+15005550010",
    "FromCity": "",
    "To": "+15005550006",
}
FORM = "application/x-www-form-urlencoded; charset=UTF-8"


def checker(origin: str = ORIGIN, *tokens: str, **keys: str) -> SignatureChecker:
    return SignatureChecker(tokens or (TOKEN,), origin, shared_keys=keys)


def headers(signature: str, content_type: str = FORM) -> dict[str, str]:
    return {"x-twilio-signature": signature, "content-type": content_type}


def check(
    signature: str,
    *,
    by: SignatureChecker | None = None,
    path: str = "/voice",
    query: str = "",
    params: Mapping[str, str] = PARAMS,
    body: bytes | None = None,
    more: Mapping[str, str] | None = None,
) -> Form:
    return (by or checker()).check_request(
        raw_path=path,
        query=query,
        headers={**headers(signature), **(more or {})},
        body=urlencode(params).encode() if body is None else body,
    )


def test_vector_a_a_form() -> None:
    form = check("fpXNH/NsxtchCpOSuMegz02oCk4=")
    assert dict(form) == PARAMS


def test_vector_a_with_the_default_port() -> None:
    check("sx9K0TVQf278Z3a0uOBboBqyUug=")
    check("sx9K0TVQf278Z3a0uOBboBqyUug=", by=checker(ORIGIN + ":443"))
    check("fpXNH/NsxtchCpOSuMegz02oCk4=", by=checker(ORIGIN + ":443"))


def test_vector_a_with_a_shared_key() -> None:
    signature = "6h8M8j1O2Tg5tzcDN+UMO0rfPlje77zwWqTz0sBBmUA="
    shared = {"x-twilio-webhooks-signature-settings": "key=k1,algorithm=HMAC_SHA256"}
    check(signature, by=checker(k1=TOKEN), more=shared)
    with pytest.raises(SignatureRefused, match="shared key that is not configured"):
        check(signature, more=shared)
    with pytest.raises(SignatureRefused, match="unknown algorithm"):
        check(signature, more={"x-twilio-webhooks-signature-settings": "algorithm=NONE"})


def test_vector_b_a_query() -> None:
    check("q1ZQ5ptRIHzMK8Rkx7XKS6CeMH8=", query="foo=1&bar=2", params={})


def test_vector_c_a_json_body() -> None:
    body = b'{"hello":"world","n":1}'
    query = "bodySHA256=32b769982a3a6e2df120530b06dcbaf1e8f75e004ceea92ac3e91bd7a248d728"
    signature = "q3ktixQVTcAmmp8SKcFCWc4jNCA="
    json_type = {"content-type": "application/json"}
    given = {**headers(signature), **json_type}
    checker().check_request(raw_path="/events", query=query, headers=given, body=body)
    with pytest.raises(SignatureRefused, match="does not match"):
        checker().check_request(raw_path="/events", query=query, headers=given, body=b"{}")
    with pytest.raises(SignatureRefused, match="not covered"):
        checker().check_request(raw_path="/events", query="", headers=given, body=b"\xff{}")


def upgrade(signature: str, path: str = "/media", origin: str = ORIGIN) -> None:
    checker(origin).check_upgrade(raw_path=path, query="", headers=headers(signature))


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_plain_socket_on_this_machine_may_be_signed_as_wss(scheme: str) -> None:
    signature = sign(TOKEN, f"{scheme}://127.0.0.1:8080/media")
    upgrade(signature, origin="http://127.0.0.1:8080")


@pytest.mark.parametrize("path", ["/media", "/media/"])
@pytest.mark.parametrize(
    "signature",
    [
        "g9rmzpHmLDuyev/o1rmxURkMzxk=",
        "un6BqQjqFD1pK38SaYiGJSPP3pg=",
        "+0nUbLJpY40oUJSHXCPm3lESHlA=",
    ],
)
def test_vectors_d_sockets(signature: str, path: str) -> None:
    upgrade(signature, path)
    upgrade(signature, path, ORIGIN + ":443")


def test_vector_d_an_https_signature_does_not_open_a_socket() -> None:
    with pytest.raises(SignatureRefused, match="does not fit") as raised:
        upgrade("R/cLmU9b7cZYXgrpqJmLHX0Og9w=")
    assert raised.value.signed_url == "wss://calls.example.test/media"


def test_the_slash_quirk_is_for_sockets_only() -> None:
    with pytest.raises(SignatureRefused):
        check(sign(TOKEN, ORIGIN + "/voice/", Form(PARAMS.items())))


@pytest.mark.parametrize("served", ["", ":443", ":8443", ":80"])
@pytest.mark.parametrize("signed", ["", ":443", ":8443", ":80"])
def test_ports_count_as_for_the_official_validator(served: str, signed: str) -> None:
    signature = sign(TOKEN, f"{ORIGIN}{signed}/voice", Form(PARAMS.items()))
    official = RequestValidator(TOKEN).validate(f"{ORIGIN}{served}/voice", PARAMS, signature)
    by = checker(ORIGIN + served)
    if official:
        check(signature, by=by)
    else:
        with pytest.raises(SignatureRefused):
            check(signature, by=by)


@pytest.mark.parametrize("url", ["user:pw@calls.example.test", "user:pw@calls.example.test:443"])
def test_credentials_in_the_address(url: str) -> None:
    by = checker("https://user:pw@calls.example.test")
    check(sign(TOKEN, f"https://{url}/voice", Form(PARAMS.items())), by=by)
    check("fpXNH/NsxtchCpOSuMegz02oCk4=", by=by)


def test_a_refusal_names_no_password() -> None:
    with pytest.raises(SignatureRefused) as refused:
        check("x", by=checker("https://user:secret@calls.example.test"))
    assert "secret" not in str(refused.value) + refused.value.signed_url


@pytest.mark.parametrize("signed", ["Calls.Example.test", "calls.example.test"])
def test_capital_letters_in_the_address(signed: str) -> None:
    by = checker("https://Calls.Example.test")
    check(sign(TOKEN, f"https://{signed}/voice", Form(PARAMS.items())), by=by)
    by.check_upgrade(
        raw_path="/media", query="", headers=headers(sign(TOKEN, f"wss://{signed}/media"))
    )


def test_a_question_mark_without_a_query() -> None:
    check(sign(TOKEN, f"{ORIGIN}/voice?", Form(PARAMS.items())))
    with pytest.raises(SignatureRefused):
        check(sign(TOKEN, f"{ORIGIN}/voice?a", Form(PARAMS.items())))


@given(
    st.lists(st.tuples(st.sampled_from(["A", "B", "a", "AB", ""]), st.text(max_size=3)), max_size=8)
)
def test_any_form_is_signed_as_by_the_official_library(fields: list[tuple[str, str]]) -> None:
    body = urlencode(fields).encode("utf-8", "replace")
    form = Form.parse(body)
    check(sign(TOKEN, ORIGIN + "/voice", form), body=body)


def test_an_ipv6_address() -> None:
    for origin in ("http://[::1]", "http://[::1]:8080"):
        check(sign(TOKEN, f"{origin}/voice", Form(PARAMS.items())), by=checker(origin))


def test_a_path_prefix_kept_or_removed_by_the_proxy() -> None:
    by = checker(ORIGIN + "/phone/")
    signature = sign(TOKEN, ORIGIN + "/phone/voice", Form(PARAMS.items()))
    check(signature, by=by)
    check(signature, by=by, path="/phone/voice")


def test_old_and_new_token_during_rotation() -> None:
    by = checker(ORIGIN, "f" * 32, TOKEN)
    check("fpXNH/NsxtchCpOSuMegz02oCk4=", by=by)
    with pytest.raises(SignatureRefused):
        check("fpXNH/NsxtchCpOSuMegz02oCk4=", by=checker(ORIGIN, "f" * 32))


def test_a_second_address_of_ours() -> None:
    by = SignatureChecker([TOKEN], ORIGIN, also=["http://127.0.0.1:8080"])
    check(sign(TOKEN, "http://127.0.0.1:8080/voice", Form(PARAMS.items())), by=by)
    by.check_upgrade(
        raw_path="/media", query="", headers=headers(sign(TOKEN, "ws://127.0.0.1:8080/media"))
    )


@pytest.mark.parametrize(
    "signature", ["", " ", "x", "fpXNH/NsxtchCpOSuMegz02oCk5=", "\u00e9", "é" * 28]
)
def test_a_missing_or_wrong_signature(signature: str) -> None:
    with pytest.raises(SignatureRefused):
        check(signature)
    with pytest.raises(SignatureRefused):
        upgrade(signature)


def test_every_parameter_takes_part() -> None:
    for changed in ({"From": "+15005550011"}, {"Extra": ""}, {"FromCity": " "}):
        with pytest.raises(SignatureRefused):
            check("fpXNH/NsxtchCpOSuMegz02oCk4=", params={**PARAMS, **changed})


def test_repeated_and_encoded_values() -> None:
    body = b"B=2&A=x%20y&B=1&B=2&C=%C3%A9+%2B"
    form = Form.parse(body)
    assert form.getlist("B") == ["2", "1", "2"]
    check(sign(TOKEN, ORIGIN + "/voice", form), body=body)
    # Each distinct value once, sorted; computed by hand as the documentation says.
    single = Form([("A", "x y"), ("B", "12"), ("C", "é +")])
    with pytest.raises(SignatureRefused):
        check(sign(TOKEN, ORIGIN + "/voice", single), body=b"A=x%20y&B=21&C=%C3%A9+%2B")


def test_percent_encoding_of_the_path_is_kept() -> None:
    signature = sign(TOKEN, ORIGIN + "/a%2Fb", Form(PARAMS.items()))
    check(signature, path="/a%2Fb")
    with pytest.raises(SignatureRefused):
        check(signature, path="/a/b")


@settings(deadline=None)
@given(body=st.binary(), query=st.text(max_size=30), signature=st.text(max_size=30))
def test_nothing_unsigned_gets_in_and_nothing_crashes(
    body: bytes, query: str, signature: str
) -> None:
    for content_type in (FORM, "application/json", ""):
        with pytest.raises(SignatureRefused):
            checker().check_request(
                raw_path="/voice",
                query=query,
                headers=headers(signature, content_type),
                body=body,
            )


@pytest.mark.parametrize(
    ("tokens", "origin"), [([], ORIGIN), ([""], ORIGIN), ([TOKEN], "calls.test")]
)
def test_unusable_settings(tokens: list[str], origin: str) -> None:
    with pytest.raises(SettingsError):
        SignatureChecker(tokens, origin)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="../shared/docs/twilio-examples is not here")
@pytest.mark.parametrize("name", ["03_http_forwarded_call", "04_http_conference_and_rtt"])
def test_every_request_of_the_example_logs_is_accepted(name: str) -> None:
    for line in (EXAMPLES / f"{name}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        url = urlsplit(entry["url"])
        given = {key.lower(): value for key, value in entry["headers"].items()}
        if url.scheme == "wss":
            for signature in (given["x-twilio-signature"], entry["alt_signature_trailing_slash"]):
                checker().check_upgrade(
                    raw_path=url.path,
                    query=url.query,
                    headers={**given, "x-twilio-signature": signature},
                )
        else:
            form = checker().check_request(
                raw_path=url.path, query=url.query, headers=given, body=entry["body"].encode()
            )
            assert dict(form) == entry["form"]
