"""The API for programs: pages, problems, scopes, events, and the schemas that it publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from callscribe.events import to_json
from callscribe.records import CallRecord
from callscribe.store.base import Store
from callscribe.web.grants import Grant
from callscribe.web.v1.openapi import event_schema
from tests.web.client import Client
from tests.web.live_calls import PLACED
from tests.web.test_api import LIVE, OVER, Calls, renames
from tests.web.test_api import calls as calls  # fixtures
from tests.web.test_api import store as store
from tests.web.v1.serving import TOKEN, app_over

DOCS = Path(__file__).parents[3] / "docs"
PROBLEM = "application/problem+json"


class Api:
    """The API, with a token or without."""

    def __init__(self, client: Client, token: str = TOKEN) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(self, method: str, path: str, **more: Any) -> Any:
        headers = self._headers | more.pop("headers", {})
        return self._client.request(method, f"/api/v1{path}", headers=headers, **more)


@pytest.fixture
def client(store: Store, calls: Calls) -> Client:
    return Client(app_over(store, calls.registry), loop=calls.loop)


@pytest.fixture
def api(client: Client) -> Api:
    return Api(client)


def test_calls_come_in_pages_until_the_cursor_is_empty(api: Api) -> None:
    ids, cursor = [], ""
    while True:
        page = api("GET", "/calls", params={"limit": 1, "cursor": cursor}).json()
        ids += [call["id"] for call in page["items"]]
        cursor = page["cursor"]
        if not cursor:
            break
    assert sorted(ids) == sorted([LIVE, OVER])


def test_a_call_is_its_record(api: Api, store: Store) -> None:
    answer = api("GET", f"/calls/{LIVE}")
    assert msgspec.json.decode(answer.content, type=CallRecord) == store.call(LIVE)


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/calls/CAnone", 404, "not-found"),
        ("GET", "/nothing", 404, "not-found"),
        ("DELETE", "/calls", 405, "method-not-allowed"),
        ("GET", "/calls?limit=0", 400, "bad-parameter"),
        ("GET", "/calls?limit=1&limit=2", 400, "bad-parameter"),
        ("GET", "/calls?page=2", 400, "bad-parameter"),
        ("GET", "/events?after=-1", 400, "bad-parameter"),
        ("POST", f"/calls/{OVER}/pause", 409, "ended"),
        ("POST", "/calls/CA1/attach", 400, "bad-address"),
    ],
)
def test_a_problem_says_what_and_where(
    api: Api, method: str, path: str, status: int, name: str
) -> None:
    answer = api(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    problem = answer.json()
    assert problem["type"] == f"urn:callscribe:problem:{name}"
    assert problem["status"] == status
    assert problem["detail"].endswith((".", path))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 60_000, 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"to": "five"}', 422),
        (b'{"to": "+15005550010", "why": 1}', 422),
        (b'{"to": "' + b"1" * 70_000 + b'"}', 413),
    ],
)
def test_a_body_that_is_not_what_is_wanted(api: Api, body: bytes, status: int) -> None:
    answer = api("POST", "/calls", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)


def test_a_whole_number_may_be_written_with_a_point(api: Api) -> None:
    # JSON has one kind of number; 2.0 is an integer to its schemas.
    assert (
        api("POST", "/deletions", json={"number": "+15005550099", "confirm": 0.0}).status_code
        != 422
    )
    assert (
        api("POST", "/deletions", json={"number": "+15005550099", "confirm": 0.5}).status_code
        == 422
    )


def test_whoever_has_no_token_or_a_wrong_one_is_told_so(client: Client) -> None:
    for token in ("", "wrong" * 5):
        answer = Api(client, token)("GET", "/calls")
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_what_can_be_done_to_a_call(api: Api, calls: Calls) -> None:
    for what in ("pause", "resume", "swap", "detach"):
        answer = api("POST", f"/calls/{LIVE}/{what}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert len(calls.done) == 4
    other = "CA" + "f" * 32
    assert api("POST", f"/calls/{other}/attach").json() == {"id": other}
    placed = api("POST", "/calls", json={"to": "+15005550020"})
    assert (placed.status_code, placed.json()) == (201, {"id": PLACED})
    assert calls.api.placed == [("detach", LIVE), ("attach", other), ("+15005550020", "")]


def test_a_refusal_is_a_problem(api: Api, calls: Calls) -> None:
    calls.api.refuse = "There is no stream."
    answer = api("POST", f"/calls/{LIVE}/detach")
    assert (answer.status_code, answer.json()["detail"]) == (409, "There is no stream.")


@pytest.mark.parametrize("sid", [LIVE, OVER])
def test_a_person_is_named(api: Api, calls: Calls, sid: str) -> None:
    body = {"leg": sid, "track": "inbound", "speaker": "  Zoë  Miller "}
    assert api("POST", f"/calls/{sid}/rename", json=body).status_code == 204
    (renamed,) = renames(calls)
    assert (renamed.call, renamed.leg, renamed.speaker) == (sid, sid, "Zoë Miller")
    nobody = body | {"leg": "CA0"}
    assert api("POST", f"/calls/{sid}/rename", json=nobody).status_code == 404
    assert api("POST", "/calls/CAnone/rename", json=body).status_code == 404


def test_events_are_the_journal_and_keep_their_schema(api: Api, store: Store) -> None:
    schema = jsonschema_rs.validator_for(event_schema())
    after, found = 0, []
    while True:
        page = api("GET", "/events", params={"after": after, "limit": 3}).json()
        found += page["items"]
        after = page["after"]
        if not page["more"]:
            break
    assert [entry["id"] for entry in found] == [p.id for p in store.events_after(0)]
    for entry in found:
        schema.validate(entry["event"])
    of_one = api("GET", "/events", params={"call": LIVE}).json()["items"]
    assert {entry["event"]["call"] for entry in of_one} == {LIVE}


def test_a_stream_goes_on_where_it_broke_off(api: Api, store: Store) -> None:
    *_, before, last = store.events_after(0)
    header = {"Last-Event-ID": str(before.id)}
    answer = api("GET", "/events/stream?after=0", headers=header)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["callscribe-events"] == "1"
    assert f"id: {last.id}\ndata: {to_json(last.event).decode()}" in answer.text
    assert api("GET", "/events/stream", headers={"Last-Event-ID": "x"}).status_code == 400


def test_the_server_says_what_it_is_and_who_asks(api: Api) -> None:
    told = api("GET", "/about").json()
    assert (told["token"], told["scopes"]) == ("page", ["admin", "control", "read"])


def test_a_grant_allows_its_scopes_and_admin_all() -> None:
    reader = Grant("reader", frozenset({"read"}))
    assert reader.allows("read")
    assert not reader.allows("control")
    assert Grant("boss", frozenset({"admin"})).allows("control")


def test_the_description_is_served_and_whole(api: Api) -> None:
    document = api("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    draft = "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.meta.validate({"$schema": draft, "$defs": document["components"]["schemas"]})
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"].endswith("."), path
            assert {"401", "403"} <= operation["responses"].keys(), path


def test_the_published_schema_is_true(api: Api) -> None:
    kept = msgspec.json.decode((DOCS / "events.schema.json").read_bytes())
    made = msgspec.json.decode(msgspec.json.encode(event_schema()))
    assert kept == made, "run: scripts/write-schemas"
    assert made == api("GET", "/schemas/events").json()
