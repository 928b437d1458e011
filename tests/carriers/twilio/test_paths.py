"""Requests that nearly reach Twilio's routes."""

from __future__ import annotations

from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from callscribe.carriers.twilio.paths import NearMisses, near_misses
from callscribe.carriers.twilio.routes import carrier_routes
from callscribe.carriers.twilio.signature import SignatureChecker, sign
from callscribe.carriers.twilio.urls import CarrierUrls
from callscribe.carriers.twilio.webhook import Form
from callscribe.journal.hub import Hub
from callscribe.web.app import create_app
from callscribe.web.services import Services, WebSettings
from tests.web.client import Client

TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC = "https://calls.example.com/phone"
FORM = {"CallSid": "CA" + "1" * 32, "From": "+15005550010", "To": "+15005550006"}


class Calls:
    """Every call is answered with nothing."""

    def __getattr__(self, name: str) -> object:
        async def answer(*_: object, **__: object) -> list[object]:
            return []

        return answer


@pytest.fixture
def client() -> Client:
    urls = CarrierUrls(PUBLIC)
    checker = SignatureChecker([TOKEN], PUBLIC)
    services = Services(
        settings=WebSettings(public_url=PUBLIC, token="a-token-of-twenty-odd-characters"),
        registry=None,
        store=None,  # type: ignore[arg-type]
        hub=Hub(),
        signatures=checker,
    )
    app = create_app(
        services,
        carrier=carrier_routes(Calls(), checker, urls),  # type: ignore[arg-type]
        outermost=[near_misses(PUBLIC)],
    )
    return Client(app, base="http://127.0.0.1:8080")


def post(client: Client, path: str, signed: str) -> httpx.Response:
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": sign(TOKEN, signed, Form(FORM.items())),
    }
    return client.post(
        f"http://127.0.0.1:8080{path}", content=urlencode(FORM).encode(), headers=headers
    )


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        ("/twilio/status", PUBLIC + "/twilio/status"),
        ("/twilio/status/", PUBLIC + "/twilio/status/"),
        ("//twilio/status", PUBLIC + "//twilio/status"),
        ("/twilio//status//", PUBLIC + "/twilio//status//"),
        ("/phone/twilio/status", PUBLIC + "/twilio/status"),
        ("/phone/twilio/status/", PUBLIC + "/twilio/status/"),
        ("/twilio/status", PUBLIC + "/twilio/status?"),
        ("/twilio%2Fstatus", PUBLIC + "/twilio%2Fstatus"),
    ],
)
def test_what_was_meant_is_answered(client: Client, path: str, signed: str) -> None:
    with capture_logs() as logs:
        answer = post(client, path, signed)
    assert answer.status_code == 204, answer.text
    assert logs == []
    assert post(client, path, "https://elsewhere.example" + path).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/twilio/voice/twilio/voice",
        "/twilio/voise",
        "/Twilio/Voice",
        "/other/twilio/voice",
        "/twilio",
        "/twilio/",
        "/twilio/media",
        "/",
        "/voice",
    ],
)
def test_what_is_nowhere_is_told_with_what_it_should_be(client: Client, path: str) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            answer = post(client, path, f"https://calls.example.com{path}")
            assert answer.status_code == 404
            assert f"{PUBLIC}/twilio/voice" in answer.text
    (entry,) = logs
    assert entry["asked_for"] == path
    assert f"{PUBLIC}/twilio/voice" in entry["hint"]


def test_who_only_knocks_hides_nothing_that_twilio_sent(client: Client) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            assert client.post("/twilio/voise").status_code == 404
        assert post(client, "/Twilio/Voice", PUBLIC + "/Twilio/Voice").status_code == 404
    assert [entry["asked_for"] for entry in logs] == ["/twilio/voise", "/Twilio/Voice"]


def test_a_prefix_in_any_letters_is_known_as_it_arrives() -> None:
    app = NearMisses(Starlette(), public_url="https://calls.example.com/t%C3%A9l")
    assert app.meant("/t\u00e9l/twilio/voice/") == "/twilio/voice"


def test_strangers_are_told_no_password() -> None:
    app = NearMisses(Starlette(), public_url="https://me:secret@calls.example.com")
    with capture_logs() as logs:
        answer = Client(app).post("/twilio/voise")
    assert "calls.example.com/twilio/voice" in answer.text
    assert "secret" not in answer.text + str(logs)


def test_a_slash_at_the_end_leads_nowhere_else() -> None:
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.path)

    app = NearMisses(Starlette(routes=[Route("/calls/{sid}", page)]), public_url=PUBLIC)
    answer = Client(app).get("/calls/CA1/")
    assert (answer.status_code, answer.text) == (200, "/calls/CA1")
