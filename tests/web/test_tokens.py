"""What a named token opens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from callscribe.errors import StoreError
from callscribe.journal.hub import Hub
from callscribe.records import TokenRecord
from callscribe.store.base import Store, TokenBook
from callscribe.store.opening import open_tokens
from callscribe.web import tokens
from callscribe.web.access import Access
from callscribe.web.app import create_app
from callscribe.web.grants import Grant
from callscribe.web.services import Services, WebSettings
from callscribe.web.tokens import PREFIX, NamedTokens, digest, new_token
from tests.web.client import Client
from tests.web.test_api import LIVE, Calls
from tests.web.test_api import calls as calls  # fixtures
from tests.web.test_api import store as store
from tests.web.v1.serving import TOKEN

AT = "2026-01-15T10:00:00.000Z"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[TokenBook]:
    with open_tokens(tmp_path / "tokens", create=True) as opened:
        yield opened


@pytest.fixture
def client(store: Store, calls: Calls, book: TokenBook) -> Client:
    services = Services(
        settings=WebSettings(token=TOKEN, listens_here=False),
        registry=calls.registry,
        store=store,
        hub=Hub(),
        tokens=book,
    )
    return Client(create_app(services), at=("192.168.1.20", 50000), loop=calls.loop)


def made(book: TokenBook, *scopes: str, name: str = "crm") -> dict[str, str]:
    token = new_token()
    book.add(name, digest(token), scopes, AT)
    return {"Authorization": f"Bearer {token}"}


def test_tokens_are_long_alike_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(token.startswith(PREFIX) and len(token) == 46 for token in tokens)


@pytest.mark.parametrize(
    ("scope", "reads", "controls", "rules"),
    [("read", 200, 403, 403), ("control", 403, 204, 403), ("admin", 200, 204, 200)],
)
def test_a_token_opens_what_its_scopes_say(
    client: Client, book: TokenBook, scope: str, reads: int, controls: int, rules: int
) -> None:
    headers = made(book, scope)
    assert client.get("/api/v1/calls", headers=headers).status_code == reads
    answer = client.post(f"/api/v1/calls/{LIVE}/pause", headers=headers)
    assert answer.status_code == controls
    assert client.get("/api/v1/tokens", headers=headers).status_code == rules
    # and the older addresses likewise
    assert client.get("/api/calls", headers=headers).status_code == reads
    old = client.post(f"/api/calls/{LIVE}/pause", headers=headers).status_code
    assert old == (200 if controls == 204 else controls)
    deleted = client.request("DELETE", f"/api/calls/{LIVE}", headers=headers).status_code
    assert (deleted == 403) == (scope != "admin")


def test_a_scope_that_is_missing_is_named(client: Client, book: TokenBook) -> None:
    answer = client.post(f"/api/v1/calls/{LIVE}/pause", headers=made(book, "read"))
    assert answer.json()["type"] == "urn:callscribe:problem:scope-missing"
    assert "'crm' may not do this: it has no scope `control`" in answer.json()["detail"]


def test_a_revoked_token_opens_nothing_at_once(client: Client, book: TokenBook) -> None:
    headers = made(book, "admin")
    assert client.get("/api/v1/about", headers=headers).json()["token"] == "crm"
    assert client.request("DELETE", "/api/v1/tokens/crm", headers=headers).status_code == 204
    assert client.get("/api/v1/about", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/events/stream", "/api/events", "/live?list=yes"])
def test_a_stream_ends_when_its_token_is_revoked(
    client: Client, book: TokenBook, calls: Calls, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LOOKED_AGAIN_S", 0.01)
    headers = made(book, "read")
    calls.loop.call_later(0.1, book.revoke, "crm", AT)
    answer = client.get(path, headers=headers)  # has come to its end
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert client.get(path, headers=headers).status_code == 401


async def test_a_stream_that_begins_after_its_token_was_revoked_ends_too(book: TokenBook) -> None:
    """The record was slow, say: it was looked up before, and what was asked of it came later."""
    headers = made(book, "read")
    sent: list[Message] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        kind = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await asyncio.Event().wait()

    async def take(message: Message) -> None:
        sent.append(message)

    class Revoked(NamedTokens):
        async def revoked(self, token: str) -> None:
            return

    access = Access(
        slow,
        settings=WebSettings(token=TOKEN, listens_here=False),
        refusal=lambda status, words: PlainTextResponse(words, status),
        tokens=Revoked(book),
    )
    scope = {
        "type": "http", "method": "GET", "scheme": "http", "path": "/api/v1/events/stream", "query_string": b"",
        "client": ("192.168.1.20", 50000), "server": ("192.168.1.2", 8080),
        "headers": [(b"host", b"192.168.1.2:8080"), (b"authorization", headers["Authorization"].encode())],
    }  # fmt: skip
    async with asyncio.timeout(30):
        await access(scope, asyncio.Event().wait, take)  # type: ignore[arg-type]
    assert sent[0]["status"] == 200
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_a_record_that_does_not_answer_revokes_nothing(
    client: Client, book: TokenBook, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LOOKED_AGAIN_S", 0.01)
    token = new_token()
    book.add("crm", digest(token), ["read"], AT)
    asked = []

    def fails(digest: str) -> TokenRecord | None:
        asked.append(digest)
        if len(asked) > 2:
            return None
        raise StoreError("locked")

    monkeypatch.setattr(book, "find", fails)
    calls.loop.run_until_complete(NamedTokens(book).revoked(token))
    assert len(asked) == 3


def test_tokens_are_made_listed_and_revoked_over_the_api(client: Client, book: TokenBook) -> None:
    page = {"Authorization": f"Bearer {TOKEN}"}
    answer = client.post("/api/v1/tokens", headers=page, json={"name": "crm", "scopes": ["read"]})
    assert answer.status_code == 201
    token = answer.json()["token"]
    mine = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/about", headers=mine).json()["scopes"] == ["read"]
    again = client.post("/api/v1/tokens", headers=page, json={"name": "crm"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:callscribe:problem:name-taken")
    listed = client.get("/api/v1/tokens", headers=page)
    assert [kept["name"] for kept in listed.json()["items"]] == ["crm"]
    assert token not in listed.text
    missing = client.request("DELETE", "/api/v1/tokens/erp", headers=page)
    assert missing.status_code == 404


@pytest.mark.parametrize(
    "body", [{}, {"name": "a b"}, {"name": "a", "scopes": []}, {"name": "a", "scopes": ["root"]}]
)
def test_a_token_that_cannot_be_made(client: Client, body: dict[str, object]) -> None:
    answer = client.post("/api/v1/tokens", headers={"Authorization": f"Bearer {TOKEN}"}, json=body)
    assert answer.status_code == 422


def test_what_is_no_token_of_ours_is_not_looked_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, digest: str) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("callscribe.store.tokens.SqliteTokens.find", fail)
    answer = client.get("/api/v1/calls", headers={"Authorization": "Bearer " + "wrong" * 9})
    assert answer.status_code == 401


class Book:
    """One token, and what is noted of its use."""

    def __init__(self, last: str | None = None) -> None:
        self.record = TokenRecord(
            name="crm", scopes=("read", "fly"), created_at=AT, last_used_at=last
        )
        self.noted: list[str] = []
        self.broken = False

    def find(self, digest: str) -> TokenRecord | None:
        if self.broken:
            raise StoreError("The disk is gone.")
        return self.record

    def used(self, name: str, at: str) -> None:
        self.noted.append(at)


async def granted(book: Book, at: str) -> Grant | None:
    tokens = NamedTokens(book, clock=lambda: at)  # type: ignore[arg-type]
    grant = await tokens.grant(new_token())
    for task in list(tokens._noting):
        await task
    return grant


@pytest.mark.parametrize(
    ("last", "at", "noted"),
    [
        (None, AT, True),
        (AT, "2026-01-15T10:00:59.000Z", False),
        (AT, "2026-01-15T10:01:00.000Z", True),
    ],
)
async def test_its_use_is_noted_to_the_minute(last: str | None, at: str, noted: bool) -> None:
    book = Book(last)
    assert await granted(book, at) == Grant("crm", frozenset({"read"}))
    assert book.noted == ([at] if noted else [])


async def test_a_record_that_cannot_be_read_opens_nothing() -> None:
    book = Book()
    book.broken = True
    assert await granted(book, AT) is None
