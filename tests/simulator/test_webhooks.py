"""The carrier's HTTP manners, with a network made of a function."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import httpx
import pytest

from callscribe.simulator import signing
from callscribe.simulator.ids import Ids
from callscribe.simulator.report import CallReport
from callscribe.simulator.webhooks import Answer, Target, Webhooks

TOKEN = "0123456789abcdef0123456789abcdef"
URL = "https://calls.example.test/voice"
FORM = [("CallSid", "CA1"), ("From", "+1 500")]

Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


async def send(
    handler: Handler,
    *,
    method: str = "POST",
    url: str = URL,
    target: Target | None = None,
    total_timeout_s: float = 5,
    bad_signature: bool = False,
    times: int = 1,
) -> tuple[Answer | None, CallReport]:
    report = CallReport("CA1", "", "", "inbound")
    webhooks = Webhooks(
        target or Target("https://calls.example.test"),
        Ids(1),
        auth_token=TOKEN,
        bad_signature=bad_signature,
        total_timeout_s=total_timeout_s,
        transport=httpx.MockTransport(handler),
    )
    answer = await webhooks.request(report, "voice", method, url, FORM, times=times)
    await webhooks.close()
    return answer, report


async def ok(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="<Response/>", headers={"Content-Type": "text/xml"})


async def test_a_failed_connection_is_tried_once_more_with_the_same_token() -> None:
    tries: list[httpx.Request] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        if len(tries) == 1:
            raise httpx.ConnectError("refused")
        return await ok(request)

    answer, report = await send(handler)
    assert answer is not None
    assert answer.status == 200
    assert report.errors == []
    tokens = {request.headers["I-Twilio-Idempotency-Token"] for request in tries}
    assert (len(tries), len(tokens)) == (2, 1)


async def test_a_repeated_webhook_carries_the_same_token() -> None:
    tokens = []

    async def handler(request: httpx.Request) -> httpx.Response:
        tokens.append(request.headers["I-Twilio-Idempotency-Token"])
        return await ok(request)

    await send(handler, times=2)
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


async def test_a_bad_certificate_is_11220() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")

    answer, report = await send(handler)
    assert answer is None
    assert [e.code for e in report.errors] == [11220]


async def test_no_answer_in_time_is_11205() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return await ok(request)

    answer, report = await send(handler, total_timeout_s=0.05)
    assert answer is None
    assert [e.code for e in report.errors] == [11205]
    assert report.requests[0].status is None


async def test_redirects_are_followed_and_signed_anew_up_to_a_limit() -> None:
    seen: list[httpx.Request] = []

    async def once(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/voice":
            return httpx.Response(307, headers={"Location": "/other"})
        return await ok(request)

    answer, _ = await send(once)
    assert answer is not None
    assert answer.url == "https://calls.example.test/other"
    assert seen[1].method == "POST"
    assert seen[1].headers["X-Twilio-Signature"] == signing.sign(TOKEN, answer.url, FORM)

    async def forever(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "/voice"})

    answer, report = await send(forever)
    assert answer is None
    assert [e.code for e in report.errors] == [11215]
    assert len(report.requests) == 11


async def test_a_get_carries_its_parameters_in_the_signed_url() -> None:
    seen: list[httpx.Request] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return await ok(request)

    await send(handler, method="GET", url=URL + "?a=1#ct=2000")
    assert str(seen[0].url) == URL + "?a=1&CallSid=CA1&From=%2B1+500"
    assert seen[0].headers["X-Twilio-Signature"] == signing.sign(TOKEN, str(seen[0].url))
    assert seen[0].content == b""


async def test_a_bad_signature_is_wrong_and_a_refusal_is_explained() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        right = signing.sign(TOKEN, URL, FORM)
        return httpx.Response(200 if request.headers["X-Twilio-Signature"] == right else 403)

    answer, report = await send(handler, bad_signature=True)
    assert answer is not None
    assert answer.status == 403
    assert "refused the signature" in report.errors[0].message


async def test_behind_a_public_address_requests_look_tunnelled() -> None:
    seen: list[httpx.Request] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return await ok(request)

    target = Target("http://127.0.0.1:8080", "https://calls.example.test")
    await send(handler, target=target)
    assert str(seen[0].url) == "http://127.0.0.1:8080/voice"
    assert seen[0].headers["Host"] == "calls.example.test"
    assert seen[0].headers["X-Forwarded-Proto"] == "https"
    assert seen[0].headers["X-Twilio-Signature"] == signing.sign(TOKEN, URL, FORM)
    routed, _ = target.route("wss://calls.example.test/media")
    assert routed == "ws://127.0.0.1:8080/media"
    assert target.route("https://elsewhere.example/x") == ("https://elsewhere.example/x", {})


@pytest.mark.parametrize("url", ["ftp://calls.example.test/", "/voice"])
async def test_only_http_is_requested(url: str) -> None:
    answer, report = await send(ok, url=url)
    assert answer is None
    assert [e.code for e in report.errors] == [11100]
