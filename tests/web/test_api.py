"""The JSON interface says what the command line says, and refuses in sentences."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from callscribe.errors import StoreError
from callscribe.events import (
    AnyEvent,
    SpeakerRenamed,
    TranscriptionPaused,
    TranscriptionResumed,
)
from callscribe.journal.hub import Hub
from callscribe.records import CallRecord
from callscribe.store.base import Store
from callscribe.store.opening import open_store
from callscribe.web.app import create_app
from callscribe.web.services import Readiness, Services, WebSettings
from tests.web.client import Client
from tests.web.live_calls import PLACED, LiveCalls
from tests.web.script import Call, bank

LIVE = bank(1)[0].sid
OVER = Call(2).sid


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("data")) as store:
        store.append(bank(1)[1])
        call, events = bank(2, age_s=600)
        store.append([*events, *call.end(ended_by="Support")])
        yield store


class Calls(LiveCalls):
    """Calls that are up, with what people did to them."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(self.note, store.call)
        self.done: list[AnyEvent] = []
        self.loop = loop

    async def note(self, event: AnyEvent) -> None:
        self.done.append(event)

    def up(self, *events: AnyEvent) -> None:
        """These calls begin."""
        for event in events:
            self.loop.run_until_complete(self.follow(event))


@pytest.fixture
def calls(store: Store) -> Iterator[Calls]:
    loop = asyncio.new_event_loop()
    calls = Calls(store, loop)
    calls.up(*bank(1)[1])
    yield calls
    loop.run_until_complete(calls.registry.close())
    loop.close()


@pytest.fixture
def api(store: Store, calls: Calls) -> Client:
    services = Services(settings=WebSettings(), registry=calls.registry, store=store, hub=Hub())
    return Client(create_app(services), loop=calls.loop)


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


@pytest.mark.parametrize(
    "limit", ["0", "-1", "501", "000000001000000", "9" * 5000, "x", "", "99999999999999999999", "²"]
)
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


def test_a_live_call_can_be_paused_and_go_on(api: Client, calls: Calls) -> None:
    for what in ("pause", "resume"):
        assert api.post(f"/api/calls/{LIVE}/{what}", json={}).json() == {"ok": True}
    assert [type(event) for event in calls.done] == [TranscriptionPaused, TranscriptionResumed]
    assert {event.call for event in calls.done} == {LIVE}


def test_a_call_that_the_record_does_not_know_can_be_paused(api: Client, calls: Calls) -> None:
    unwritten, events = bank(3)
    calls.up(*events)
    assert api.post(f"/api/calls/{unwritten.sid}/pause", json={}).json() == {"ok": True}


def test_a_call_that_is_not_live_any_more(api: Client, calls: Calls) -> None:
    calls.loop.run_until_complete(calls.lose(LIVE))
    answer = api.post(f"/api/calls/{LIVE}/pause", json={})
    assert answer.json()["message"] == f"There is no live call {LIVE}."
    assert not answer.is_success


def test_a_call_that_is_over_cannot_be_paused(api: Client, calls: Calls) -> None:
    assert api.post(f"/api/calls/{OVER}/pause", json={}).status_code == 409
    assert calls.done == []


@pytest.mark.parametrize("what", ["pause", "resume", "swap"])
def test_a_call_that_nobody_knows(api: Client, what: str) -> None:
    answer = api.post(f"/api/calls/CAnone/{what}", json={})
    assert (answer.status_code, answer.json()["error"]) == (404, "not-found")
    assert answer.json()["message"] == "There is no call CAnone."


@pytest.mark.parametrize("sid", [LIVE, OVER])
def test_renaming_and_swapping(api: Client, calls: Calls, sid: str) -> None:
    body = {"leg": sid, "track": "outbound", "speaker": "  Dr.  Weiß "}
    assert api.post(f"/api/calls/{sid}/rename", json=body).status_code == 200
    assert [(e.call, e.leg, e.track, e.speaker) for e in renames(calls)] == [
        (sid, sid, "outbound", "Dr. Weiß")
    ]
    assert api.post(f"/api/calls/{sid}/swap", json={}).status_code == 200
    assert {e.track for e in renames(calls)[1:]} == {"inbound", "outbound"}


def renames(calls: Calls) -> list[SpeakerRenamed]:
    return [event for event in calls.done if isinstance(event, SpeakerRenamed)]


@pytest.mark.parametrize("sid", [LIVE, OVER])
def test_two_people_cannot_be_given_the_same_name(api: Client, calls: Calls, sid: str) -> None:
    body = {"leg": sid, "track": "outbound", "speaker": "Alice Adams"}
    answer = api.post(f"/api/calls/{sid}/rename", json=body)
    assert answer.status_code == 409
    assert (
        answer.json()["message"]
        == "Someone else on this call is already called Alice Adams. Choose another name, for example Alice Adams 2."
    )
    assert calls.done == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nonsense", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'"\xff"', 400),
        (b'{"x": ' + b"[" * 4000, 400),
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
def test_a_bad_rename_is_refused(api: Client, calls: Calls, body: bytes, status: int) -> None:
    answer = api.post(
        f"/api/calls/{LIVE}/rename", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status
    assert answer.json()["message"]
    assert calls.done == []


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


def test_placing_a_call(api: Client, calls: Calls) -> None:
    answer = api.post("/api/calls", json={"to": "+15005550010", "connect": "+15005550020"})
    assert (answer.status_code, answer.json()) == (201, {"call": PLACED})
    assert api.post("/api/calls", json={"to": "+15005550010"}).status_code == 201
    assert calls.api.placed == [("+15005550010", "+15005550020"), ("+15005550010", "")]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"{}", "bad-body"),
        (b"", "bad-body"),
        (b'{"to": "+15005550010", "form": 1}', "bad-body"),
        (b'{"to": "\xff"}', "bad-body"),
        (b'{"to": "\\ud800"}', "bad-body"),
        (b'{"x": ' + b"[" * 4000, "bad-body"),
        (b'{"to": "05005550010"}', "bad-number"),
        (b'{"to": "+15005550010", "connect": "sip:me"}', "bad-number"),
    ],
)
def test_a_call_that_cannot_be_placed(api: Client, calls: Calls, body: bytes, name: str) -> None:
    answer = api.post("/api/calls", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, name)
    assert calls.api.placed == []


def test_attaching_to_a_call_and_letting_it_go(api: Client, calls: Calls) -> None:
    sid = "CA" + "f" * 32
    assert api.post(f"/api/calls/{sid}/attach", json={}).json() == {"call": sid}
    calls.open_asked()
    assert api.post(f"/api/calls/{sid}/detach", json={}).json() == {"ok": True}
    assert calls.api.placed == [("attach", sid), ("detach", sid)]
    answer = api.post("/api/calls/CA1/attach", json={})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad-sid")
    calls.api.refuse = "There is no such call."
    assert api.post(f"/api/calls/{PLACED}/attach", json={}).status_code == 409


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
