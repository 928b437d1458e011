from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from callscribe.carriers.twilio.client import ApiError, CarrierClient
from tests.carriers.twilio.fake import ACCOUNT, Api, Request, error, number

MakeClient = Callable[..., CarrierClient]
CALL = "CA" + "a1" * 16


def answering(status: int, body: Any, headers: dict[str, str] | None = None) -> Any:
    return lambda _: (status, headers or {}, body)


def failing(times: int, status: int, **headers: str) -> Any:
    left = [times]

    def trouble(_: Request) -> Any:
        if left[0] == 0:
            return None
        left[0] -= 1
        code, _headers, body = error(status, 20000 + status, "Too Many Requests")
        return code, {k.replace("_", "-"): v for k, v in headers.items()}, body

    return trouble


def place_call(client: CarrierClient) -> str:
    return client.create_call(
        to="+15005550010",
        from_="+15005550006",
        url="https://x.example/v",
        status_callback="https://x.example/s",
    )


def test_account_and_the_carriers_clock(client: CarrierClient) -> None:
    account = client.account()
    assert (account.sid, account.status, account.kind) == (ACCOUNT, "active", "Full")
    assert account.carrier_time is not None
    assert account.carrier_time.tzinfo is not None


def test_numbers_of_all_pages(api: Api, client: CarrierClient) -> None:
    api.numbers = [number(n) for n in range(5)]
    assert [n.number for n in client.numbers()] == [f"+1500555{n:04}" for n in range(5)]
    assert len(api.requests) == 3


def test_a_busy_api_is_asked_again_with_growing_pauses(
    api: Api, client: CarrierClient, waits: list[float]
) -> None:
    api.trouble = failing(3, 429)
    assert client.account().status == "active"
    assert waits == [0.5, 1.0, 2.0]


def test_retry_after_is_honoured_and_bounded(
    api: Api, make_client: MakeClient, waits: list[float]
) -> None:
    api.trouble = failing(2, 429, Retry_After="7")
    make_client().account()
    assert waits == [7.0, 7.0]
    waits.clear()
    api.trouble = failing(1, 429, Retry_After="86400")
    make_client().account()
    assert waits == [20.0]


def test_jitter_spreads_the_pauses(api: Api, make_client: MakeClient, waits: list[float]) -> None:
    api.trouble = failing(1, 429)
    make_client(jitter=lambda: 1.0).account()
    assert waits == [0.75]


def test_gives_up_in_the_end(api: Api, client: CarrierClient) -> None:
    api.trouble = failing(99, 429)
    with pytest.raises(ApiError, match="Wait a minute") as caught:
        client.account()
    assert (caught.value.status, caught.value.code) == (429, 20429)
    assert len(api.requests) == 5


def test_a_post_that_may_have_arrived_is_not_sent_again(
    api: Api, client: CarrierClient, waits: list[float]
) -> None:
    api.trouble = answering(500, {"message": "oops"})
    with pytest.raises(ApiError, match=r"status\.twilio\.com"):
        place_call(client)
    assert len(api.requests) == 1
    assert waits == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, 20003, "TWILIO_AUTH_TOKEN"),
        (404, 20404, "It may have ended"),
        (400, 21220, "if the call has just ended"),
        (400, 21211, r"\+15005550006"),
        (400, 21219, "Verify the number"),
        (400, 29999, "https://www.twilio.com/docs/errors/29999"),
        (503, 0, "status.twilio.com"),
    ],
)
def test_refusals_in_plain_words(
    api: Api, client: CarrierClient, status: int, code: int, words: str
) -> None:
    api.trouble = lambda _: error(status, code, "Twilio's own words")
    with pytest.raises(ApiError, match=words) as caught:
        client.stop_stream(CALL, "main")
    text = str(caught.value)
    assert text.startswith("Could not stop the media stream main: Twilio refused (")
    assert "\x1b" not in text
    assert "right-token" not in text


def test_refused_lists_are_explained_too(api: Api, client: CarrierClient) -> None:
    api.trouble = lambda _: error(401, 20003, "Authenticate")
    with pytest.raises(ApiError, match=r"error 20003: Authenticate\).*TWILIO_AUTH_TOKEN") as caught:
        client.numbers()
    assert (caught.value.status, caught.value.code) == (401, 20003)
    api.trouble = answering(502, "<html>Bad gateway</html>")
    with pytest.raises(ApiError, match=r"HTTP 502: no reason given.*status\.twilio\.com"):
        client.numbers()


def test_wrong_token(make_client: MakeClient) -> None:
    with pytest.raises(ApiError, match=r"error 20003: Authenticate.*TWILIO_ACCOUNT_SID"):
        make_client(token="wrong-token").account()


@pytest.mark.parametrize(
    ("sid", "token", "words"),
    [
        ("", "t", "TWILIO_ACCOUNT_SID is not set"),
        (ACCOUNT, "", "TWILIO_AUTH_TOKEN is not set"),
        ("SK" + "0" * 32, "t", "holds an API key"),
        ("AC123", "t", "32 hexadecimal digits"),
    ],
)
def test_credentials_that_cannot_be_right(sid: str, token: str, words: str) -> None:
    with pytest.raises(ApiError, match=words):
        CarrierClient(sid, token)


def test_nobody_there(make_client: MakeClient, waits: list[float]) -> None:
    client = make_client(base_url="http://127.0.0.1:9", attempts=3)
    with pytest.raises(ApiError, match=r"127\.0\.0\.1:9 cannot be reached \(connection refused\)"):
        place_call(client)
    assert len(waits) == 2, "a request that never arrived may be sent again"


def test_something_else_answers(api: Api, client: CarrierClient) -> None:
    api.trouble = answering(200, "<html>hello</html>")
    with pytest.raises(ApiError, match="Check api_url"):
        client.account()


def test_region_and_edge_do_not_spoil_a_base_url(
    api: Api, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    assert make_client().account().status == "active"


def test_requests_as_the_carrier_wants_them(api: Api, client: CarrierClient) -> None:
    answers = {
        f"/Calls/{CALL}/Streams.json": {"sid": "MZ" + "1" * 32},
        "/Calls.json": {"sid": CALL},
        f"/Calls/{CALL}.json": {"sid": CALL, "status": "in-progress", "from": "+15005550010"},
        f"/Calls/{CALL}/Streams/main.json": {"sid": "MZ" + "1" * 32},
    }
    api.trouble = lambda request: (
        200,
        {},
        answers[request.path.removeprefix(f"/2010-04-01/Accounts/{ACCOUNT}")],
    )
    stream = client.start_stream(
        CALL,
        url="wss://x.example/media/t",
        track="both_tracks",
        name="main",
        status_callback="https://x.example/s",
    )
    assert stream == "MZ" + "1" * 32
    assert api.requests[-1].form == {
        "Url": ["wss://x.example/media/t"],
        "Track": ["both_tracks"],
        "Name": ["main"],
        "StatusCallback": ["https://x.example/s"],
    }
    client.stop_stream(CALL, "main")
    assert api.requests[-1].form == {"Status": ["stopped"]}
    assert place_call(client) == CALL
    assert api.requests[-1].form == {
        "To": ["+15005550010"],
        "From": ["+15005550006"],
        "Url": ["https://x.example/v"],
        "StatusCallback": ["https://x.example/s"],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "Timeout": ["30"],
    }
    assert client.fetch_call(CALL).from_ == "+15005550010"
