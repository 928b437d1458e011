"""The JSON interface says what the command line says, and refuses in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from callscribe.errors import CallscribeError, StoreError
from callscribe.journal.hub import Hub
from callscribe.records import CallRecord
from callscribe.store.base import Store
from callscribe.store.opening import open_store
from callscribe.web.app import create_app
from callscribe.web.services import Readiness, Services, WebSettings
from tests.web.client import Client
from tests.web.script import Call, bank


class Registry:
    """Writes down what it is asked; refuses when told."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.refusal = ""

    def _take(self, *what: Any) -> None:
        if self.refusal:
            raise CallscribeError(self.refusal)
        self.asked.append(what)

    async def pause(self, call: str) -> None:
        self._take("pause", call)

    async def resume(self, call: str) -> None:
        self._take("resume", call)

    async def swap(self, call: str) -> None:
        self._take("swap", call)

    async def rename(self, call: str, leg: str, track: str, speaker: str) -> None:
        self._take("rename", call, leg, track, speaker)

    async def dial(self, to: str, connect: str = "") -> str:
        self._take("dial", to, connect)
        return LIVE

    async def attach(self, call_sid: str) -> str:
        self._take("attach", call_sid)
        return LIVE

    async def detach(self, call_sid: str) -> None:
        self._take("detach", call_sid)


LIVE = bank(1)[0].sid
OVER = Call(2).sid


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("data")) as store:
        store.append(bank(1)[1])
        call, events = bank(2, age_s=600)
        store.append([*events, *call.end(ended_by="Support")])
        yield store


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def api(store: Store, registry: Registry) -> Client:
    services = Services(settings=WebSettings(), registry=registry, store=store, hub=Hub())
    return Client(create_app(services))


def test_the_list_and_a_call_are_the_records(api: Client, store: Store) -> None:
    assert api.get("/api/calls").content == msgspec.json.encode(store.calls())
    answer = api.get(f"/api/calls/{LIVE}")
    assert answer.headers["content-type"] == "application/json"
    assert msgspec.json.decode(answer.content, type=CallRecord) == store.call(LIVE)


def test_the_list_is_limited_and_pages(api: Client) -> None:
    newest = api.get("/api/calls?limit=1").json()
    assert len(newest) == 1
    older = api.get(f"/api/calls?before={newest[0]['id']}").json()
    assert len(older) == 1
    assert older[0]["id"] != newest[0]["id"]


@pytest.mark.parametrize("limit", ["0", "-1", "501", "x", "", "99999999999999999999", "²"])
def test_a_bad_limit_is_refused(api: Client, limit: str) -> None:
    answer = api.get("/api/calls", params={"limit": limit})
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad-limit"


def test_an_unknown_call_is_a_sentence(api: Client) -> None:
    answer = api.get("/api/calls/CAnone")
    assert answer.status_code == 404
    assert answer.json() == {"error": "not-found", "message": "There is no call CAnone."}


def test_an_unknown_address_and_a_wrong_method_are_json(api: Client) -> None:
    assert api.get("/api/nothing").json()["error"] == "not-found"
    assert api.get(f"/api/calls/{LIVE}/pause").status_code == 405
    assert "message" in api.get(f"/api/calls/{LIVE}/pause").json()


@pytest.mark.parametrize("what", ["pause", "resume", "swap"])
def test_controls_reach_the_registry(api: Client, registry: Registry, what: str) -> None:
    assert api.post(f"/api/calls/{LIVE}/{what}", json={}).json() == {"ok": True}
    assert registry.asked == [(what, LIVE)]


def test_a_refusal_is_passed_on(api: Client, registry: Registry) -> None:
    registry.refusal = "The call has no media stream."
    answer = api.post(f"/api/calls/{LIVE}/pause", json={})
    assert answer.status_code == 409
    assert answer.json()["message"] == "The call has no media stream."


def test_a_call_that_is_over_cannot_be_paused(api: Client, registry: Registry) -> None:
    assert api.post(f"/api/calls/{OVER}/pause", json={}).status_code == 409
    assert registry.asked == []


def test_renaming(api: Client, registry: Registry) -> None:
    body = {"leg": LIVE, "track": "outbound", "speaker": "  Dr.  Weiß "}
    assert api.post(f"/api/calls/{LIVE}/rename", json=body).status_code == 200
    assert registry.asked == [("rename", LIVE, LIVE, "outbound", "Dr. Weiß")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nonsense", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"leg": 1, "speaker": "A"}', 400),
        (b'{"leg": "CA", "speaker": "A", "other": 1}', 400),
        (b'{"leg": "CA", "track": "sideways", "speaker": "A"}', 400),
        (b'{"leg": "CA", "speaker": " "}', 400),
        (b'{"leg": "CA", "speaker": "' + b"a" * 61 + b'"}', 400),
        (b'{"leg": "CA", "speaker": "a\\u202eb"}', 400),
        (b'{"leg": "CA", "speaker": "A"}', 404),
        (b'{"leg": "' + b"a" * 5000 + b'"}', 413),
    ],
)
def test_a_bad_rename_is_refused(api: Client, registry: Registry, body: bytes, status: int) -> None:
    answer = api.post(
        f"/api/calls/{LIVE}/rename", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status
    assert answer.json()["message"]
    assert registry.asked == []


async def broken() -> Readiness:
    return Readiness(ready=False, reasons=("The model is still loading.",), details={"model": "x"})


def test_health_and_readiness(store: Store) -> None:
    services = Services(
        settings=WebSettings(), registry=None, store=store, hub=Hub(), readiness=broken
    )
    local = Client(create_app(services))
    assert local.get("/healthz").json() == {"status": "alive"}
    answer = local.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "reasons": ["The model is still loading."],
        "model": "x",
    }


def test_placing_a_call(api: Client, registry: Registry) -> None:
    answer = api.post("/api/calls", json={"to": "+15005550010", "connect": "+15005550020"})
    assert (answer.status_code, answer.json()) == (201, {"call": LIVE})
    assert api.post("/api/calls", json={"to": "+15005550010"}).status_code == 201
    assert registry.asked == [
        ("dial", "+15005550010", "+15005550020"),
        ("dial", "+15005550010", ""),
    ]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"{}", "bad-body"),
        (b'{"to": "+15005550010", "form": 1}', "bad-body"),
        (b'{"to": "05005550010"}', "bad-number"),
        (b'{"to": "+15005550010", "connect": "sip:me"}', "bad-number"),
    ],
)
def test_a_call_that_cannot_be_placed(
    api: Client, registry: Registry, body: bytes, name: str
) -> None:
    answer = api.post("/api/calls", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, name)
    assert registry.asked == []


def test_attaching_to_a_call_and_letting_it_go(api: Client, registry: Registry) -> None:
    sid = "CA" + "f" * 32
    assert api.post(f"/api/calls/{sid}/attach", json={}).json() == {"call": LIVE}
    assert api.post(f"/api/calls/{sid}/detach", json={}).json() == {"ok": True}
    assert registry.asked == [("attach", sid), ("detach", sid)]
    answer = api.post("/api/calls/CA1/attach", json={})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad-sid")
    registry.refusal = "There is no such call."
    assert api.post(f"/api/calls/{sid}/attach", json={}).status_code == 409


def test_a_record_that_cannot_be_read_is_explained() -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            def fail(*args: Any, **kwargs: Any) -> Any:
                raise StoreError("The record is damaged. Restore it from a backup.")

            return fail

    services = Services(
        settings=WebSettings(),
        registry=None,
        store=Broken(),
        hub=Hub(),
    )
    client = Client(create_app(services))
    for path in ("/", "/calls/CA1", "/api/calls", "/api/calls/CA1", "/api/events"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "Restore it from a backup." in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
