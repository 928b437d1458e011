from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from callscribe.cli.feed import Feed
from callscribe.cli.remote import ServerError, place
from callscribe.events import CallStarted, LagChanged, Published, to_json

SERVER = place("http://callscribe.test", "a-token-of-some-length")
STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}


def sse(number: int | None, call: str = "CA1") -> bytes:
    event: Any = CallStarted(call=call)
    if number is None:
        event = LagChanged(call=call, leg=call, track="inbound", lag_ms=5)
    head = f"id: {number}\n".encode() if number is not None else b""
    return head + b"data: " + to_json(event) + b"\n\n"


class Lost(httpx.AsyncByteStream):
    """A body that ends with a lost connection, or with an end, or never."""

    def __init__(self, *chunks: bytes, end: str = "lost") -> None:
        self.chunks = chunks
        self.end = end

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        if self.end == "lost":
            raise httpx.ReadError("connection reset")
        if self.end == "open":
            await asyncio.Event().wait()


class Script:
    """Answers requests one after the other and remembers them."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self.states: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def feed(self, **options: Any) -> Feed:
        return Feed(
            SERVER,
            client=httpx.AsyncClient(transport=httpx.MockTransport(self)),
            on_state=self.states.append,
            wait=self.wait,
            jitter=lambda: 1.0,
            **options,
        )


def stream(*chunks: bytes, end: str = "lost") -> httpx.Response:
    return httpx.Response(200, headers=STREAM, stream=Lost(*chunks, end=end))


async def take(feed: Feed, count: int) -> list[int | None]:
    found: list[Published] = []
    async for published in feed:
        found.append(published)
        if len(found) == count:
            break
    return [published.id for published in found]


async def test_resumes_from_the_last_event_without_hole_or_double() -> None:
    script = Script(
        stream(b"id: 4\n\n", sse(5), sse(6)[:20]),
        httpx.ConnectError("Connection refused"),
        httpx.Response(503, json={"error": "x", "message": "starting"}),
        stream(b"id: 5\n\n", sse(5), sse(6), sse(None), sse(7), end="closed"),
        stream(b"id: 7\n\n", sse(8), end="open"),
    )
    feed = script.feed()
    await feed.connect()
    assert feed.cursor == 4
    assert await take(feed, 5) == [5, 6, None, 7, 8]
    asked = [request.headers.get("Last-Event-ID") for request in script.requests]
    assert asked == [None, "5", "5", "5", "7"]
    assert script.requests[0].headers["Authorization"] == "Bearer a-token-of-some-length"
    assert script.states == ["reconnecting", "", "reconnecting", ""]
    assert script.waits == [0.5, 1.0, 2.0, 0.5]
    await feed.close()


async def test_pauses_grow_to_a_bound() -> None:
    refused = [httpx.ConnectError("Connection refused") for _ in range(8)]
    script = Script(stream(b"id: 0\n\n"), *refused, stream(sse(1), end="open"))
    feed = script.feed()
    await feed.connect()
    assert await take(feed, 1) == [1]
    assert script.waits == [0.5, 1, 2, 4, 8, 15, 15, 15, 15]
    await feed.close()


async def test_skips_what_a_record_held_already() -> None:
    script = Script(stream(b"id: 0\n\n", sse(1), sse(2, "CA2"), sse(3), end="open"))
    feed = script.feed(call="CA1")
    await feed.connect()
    feed.skip["CA1"] = 1
    assert await take(feed, 2) == [2, 3]
    assert script.requests[0].url.params["call"] == "CA1"
    await feed.close()


async def test_events_of_a_newer_server_are_passed_over() -> None:
    newer = b'id: 1\ndata: {"type": "call_teleported", "call": "CA1"}\n\n'
    resync = b'event: resync\ndata: {"after": 1}\n\n'
    script = Script(stream(b"id: 0\n\n", newer, resync, sse(2), end="open"))
    feed = script.feed()
    await feed.connect()
    assert await take(feed, 1) == [2]
    await feed.close()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: httpx.ConnectError("[Errno 111] Connection refused"), "callscribe serve"),
        (lambda: httpx.ConnectError("[Errno -2] Name or service not known"), "There is no host"),
        (lambda: httpx.ConnectTimeout("x"), "did not answer in time"),
        (
            lambda: httpx.Response(401, json={"error": "no-permission", "message": "m"}),
            "does not accept this token",
        ),
        (
            lambda: httpx.Response(404, json={"error": "not-found", "message": "Not here."}),
            "--expose-pages",
        ),
        (lambda: httpx.Response(404, text="<html>"), "not a callscribe server"),
        (lambda: httpx.Response(200, text="<html>"), "not a callscribe server"),
        (lambda: httpx.Response(302, headers={"Location": "/x"}), "not a callscribe server"),
        (lambda: stream(b"data: hello\n\n", end="closed"), "not a callscribe server"),
    ],
)
async def test_clear_errors_at_the_start(answer: Callable[[], Any], words: str) -> None:
    feed = Script(answer()).feed()
    with pytest.raises(ServerError, match=words):
        await feed.connect()
    await feed.close()


async def test_a_token_that_is_refused_later_ends_it() -> None:
    refusal = httpx.Response(401, json={"error": "no-permission", "message": "m"})
    feed = Script(stream(b"id: 0\n\n"), refusal).feed()
    await feed.connect()
    with pytest.raises(ServerError, match="token"):
        await take(feed, 1)
    await feed.close()
