"""Who may see what: every route, from every side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Message
from structlog.testing import capture_logs

from callscribe.errors import NotLiveError, SettingsError
from callscribe.journal.hub import Hub
from callscribe.store.base import Store
from callscribe.store.opening import open_store
from callscribe.web.access import Attempts
from callscribe.web.app import create_app
from callscribe.web.services import Services, WebSettings
from tests.web.client import Client
from tests.web.script import bank

TOKEN = "correct-horse-battery-staple"
LAPTOP = ("192.168.1.20", 50000)
HERE = ("127.0.0.1", 50000)
PUBLIC = "https://calls.example.ngrok.app"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("data")) as store:
        store.append(bank()[1])
        yield store


class NoCalls:
    """Nobody is on the line."""

    def __getattr__(self, name: str) -> object:
        async def refuse(*_: object) -> None:
            raise NotLiveError("There is no such call.")

        return refuse


def build(
    store: Store,
    *,
    public_url: str = "",
    expose_pages: bool = False,
    token: str = TOKEN,
    listens_here: bool = True,
    unsigned: bool = False,
) -> Starlette:
    async def voice(request: object) -> PlainTextResponse:
        return PlainTextResponse("<Response/>")

    settings = WebSettings(
        token=token,
        public_url=public_url,
        expose_pages=expose_pages,
        listens_here=listens_here,
        allow_unsigned=unsigned,
    )
    services = Services(
        settings=settings,
        registry=NoCalls(),  # type: ignore[arg-type]
        store=store,
        hub=Hub(),
        signatures=None if unsigned else "a checker",
    )
    services.stopping.set()  # Endless answers end at once.
    return create_app(services, carrier=[Route("/twilio/voice", voice, methods=["POST"])])


def client(
    app: Starlette, *, at: tuple[str, int] = LAPTOP, base: str = "http://192.168.1.5:8080"
) -> Client:
    return Client(app, base=base, at=at)


def paths(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every route's method and an address that reaches it."""
    for route in routes:
        if isinstance(route, Route):
            for method in sorted(route.methods or {"GET"}):
                yield method, prefix + route.path.replace("{sid}", bank()[0].sid)
        else:
            raise AssertionError(f"a kind of route this test does not know: {route!r}")


OPEN = ("/healthz", "/readyz", "/static/", "/twilio/")


def test_every_route_wants_the_token_from_another_machine(store: Store) -> None:
    app = build(store)
    stranger = client(app)
    found = list(paths(app.routes))
    assert len(found) > 15
    for method, path in found:
        answer = stranger.request(method, path, json={} if method == "POST" else None)
        if path.startswith(OPEN):
            assert answer.status_code < 400, (method, path)
        else:
            assert answer.status_code == 401, (method, path)
            assert "Alice Adams" not in answer.text
            assert answer.headers["www-authenticate"] == "Bearer"


def test_every_route_hides_from_the_public_url_but_the_carriers(store: Store) -> None:
    app = build(store, public_url=PUBLIC)
    outside = client(app, at=("127.0.0.1", 1), base=PUBLIC)
    outside.headers["x-forwarded-for"] = "203.0.113.9"
    outside.headers["authorization"] = f"Bearer {TOKEN}"
    for method, path in paths(app.routes):
        answer = outside.request(method, path, json={} if method == "POST" else None)
        reachable = path.startswith("/twilio/") or path == "/healthz"
        assert (answer.status_code < 400) == reachable, (method, path)
        assert reachable or answer.status_code == 404


def test_readiness_keeps_its_reasons_from_strangers(store: Store) -> None:
    app = build(store)
    assert client(app).get("/readyz").json() == {"ready": True}
    assert client(app, at=HERE, base="http://localhost:8080").get("/readyz").json() == {
        "ready": True,
        "reasons": [],
    }


@pytest.mark.parametrize(
    "host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "app.localhost"]
)
def test_this_machine_needs_no_token(store: Store, host: str) -> None:
    local = client(build(store), at=HERE, base="http://127.0.0.1:8080")
    assert local.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example:8080"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "evil.example@127.0.0.1"},
        {"host": "192.168.1.5"},
        {"host": ""},
        {"x-forwarded-for": "203.0.113.9"},
        {"forwarded": "for=203.0.113.9"},
        {"x-real-ip": "203.0.113.9"},
        {"via": "1.1 proxy"},
        {"x-forwarded-proto": "https"},
        {"x-forwarded-port": "443"},
        {"x-forwarded": "203.0.113.9"},
        {"x-envoy-external-address": "203.0.113.9"},
        {"x-original-host": "calls.example.com"},
        {"cf-connecting-ip": "203.0.113.9"},
        {"cdn-loop": "cloudflare"},
        {"true-client-ip": "203.0.113.9"},
        {"fastly-client-ip": "203.0.113.9"},
        {"x-client-ip": "127.0.0.1"},
        {"client-ip": "127.0.0.1"},
        {"x-remote-ip": "127.0.0.1"},
        {"x-scheme": "https"},
        {"x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678"},
        {"x-azure-clientip": "203.0.113.9"},
        {"x-cloud-trace-context": "1/2"},
        {"fly-client-ip": "203.0.113.9"},
        {"tailscale-user-login": "alice@example.com"},
    ],
)
def test_a_foreign_name_or_a_proxy_is_not_this_machine(
    store: Store, headers: dict[str, str]
) -> None:
    local = client(build(store), at=HERE, base="http://127.0.0.1:8080")
    answer = local.get("/", headers=headers)
    assert answer.status_code == 401
    assert "Alice Adams" not in answer.text


def test_a_proxy_that_hides_itself_is_not_this_machine(store: Store) -> None:
    app = build(store)

    async def speak_http_1_0(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        await app({**scope, "http_version": "1.0"}, receive, send)

    old = Client(speak_http_1_0, base="http://127.0.0.1:8080", at=HERE)
    assert old.get("/").status_code == 401


@pytest.mark.parametrize("public_url", [PUBLIC, "http://127.0.0.1:9000", "https://localhost"])
@pytest.mark.parametrize("expose_pages", [False, True])
def test_once_a_public_address_is_known_nothing_a_request_lacks_makes_it_local(
    store: Store, public_url: str, expose_pages: bool
) -> None:
    app = build(store, public_url=public_url, expose_pages=expose_pages)
    unmarked = client(app, at=HERE, base="http://localhost:8080")
    for method, path in paths(app.routes):
        answer = unmarked.request(method, path, json={} if method == "POST" else None)
        assert (answer.status_code < 400) == path.startswith(OPEN), (method, path)
    assert unmarked.get("/readyz").json() == {"ready": True}
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert unmarked.get("/api/calls", headers=bearer).status_code == 200
    assert unmarked.get(f"/?token={TOKEN}").status_code == 303
    assert unmarked.get("/").status_code == 200


@pytest.mark.parametrize(
    ("public_url", "host"),
    [
        ("https://user:pw@calls.example.com", "calls.example.com"),
        ("https://Calls.Example.com:8443/phone", "calls.example.com:8443"),
        ("https://xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ("https://203.0.113.7", "203.0.113.7"),
        ("https://[2001:db8::7]", "[2001:db8::7]"),
    ],
)
def test_the_public_name_is_known_however_it_is_written(
    store: Store, public_url: str, host: str
) -> None:
    outside = client(build(store, public_url=public_url), at=HERE, base="http://localhost:8080")
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert outside.get("/api/calls", headers=bearer | {"host": host}).status_code == 404
    assert outside.get("/api/calls", headers=bearer).status_code == 200


def test_once_others_can_connect_a_loopback_address_is_no_proof(store: Store) -> None:
    app = build(store, listens_here=False)
    assert client(app, at=HERE, base="http://localhost:8080").get("/").status_code == 401


def test_another_machine_cannot_pretend_to_be_this_one(store: Store) -> None:
    answer = client(build(store)).get("/", headers={"host": "127.0.0.1:8080"})
    assert answer.status_code == 401


def test_the_link_sets_a_cookie_and_leaves_the_address_clean(store: Store) -> None:
    browser = client(build(store))
    sid = bank()[0].sid
    answer = browser.get(f"/calls/{sid}?token={TOKEN}&x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/calls/{sid}?x=1"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "secure" not in cookie.lower()
    assert TOKEN not in cookie
    assert browser.get("/").status_code == 200
    assert browser.get("/api/calls").status_code == 200


def test_the_cookie_is_secure_behind_https(store: Store) -> None:
    app = build(store, public_url=PUBLIC, expose_pages=True)
    browser = client(app, at=HERE, base="http://calls.example.ngrok.app")
    headers = {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"}
    answer = browser.get(f"/?token={TOKEN}", headers=headers)
    assert answer.status_code == 303
    assert "Secure" in answer.headers["set-cookie"]


def test_exposed_pages_still_want_the_token(store: Store) -> None:
    app = build(store, public_url=PUBLIC, expose_pages=True)
    outside = client(app, at=HERE, base=PUBLIC)
    assert outside.get("/").status_code == 401
    assert outside.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_link_cannot_lead_elsewhere(store: Store) -> None:
    answer = client(build(store)).get(f"http://192.168.1.5:8080//evil.example/?token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/evil.example/"


@pytest.mark.parametrize("wrong", ["", "x", TOKEN + "x", TOKEN[:-1], "é"])
def test_a_wrong_token_opens_nothing(store: Store, wrong: str) -> None:
    stranger = client(build(store))
    answer = stranger.get("/", params={"token": wrong})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "not the one" in answer.text
    bearer = {"authorization": b"Bearer " + wrong.encode()}
    assert stranger.get("/api/calls", headers=bearer).status_code == 401
    cookie = {"cookie": b"callscribe-8080=" + wrong.encode()}
    assert stranger.get("/", headers=cookie).status_code == 401


def test_a_token_in_the_api_s_address_does_not_count(store: Store) -> None:
    assert client(build(store)).get(f"/api/calls?token={TOKEN}").status_code == 401


@pytest.mark.parametrize("way", ["link", "bearer", "cookie"])
def test_guessing_is_limited_and_the_right_token_always_passes(store: Store, way: str) -> None:
    app = build(store)
    browser = client(app)
    set_cookie = browser.get(f"/?token={TOKEN}").headers["set-cookie"]
    cookie = set_cookie.partition("=")[2].partition(";")[0]

    def attempt(secret: str) -> httpx.Response:
        guesser = client(app)
        if way == "link":
            return guesser.get("/", params={"token": secret})
        if way == "bearer":
            return guesser.get("/api/calls", headers={"authorization": f"Bearer {secret}"})
        value = cookie if secret == TOKEN else secret
        return guesser.get("/api/calls", headers={"cookie": f"callscribe-8080={value}"})

    with capture_logs() as logs:
        codes = [attempt(f"guess-{n}").status_code for n in range(30)]
    assert codes == [401] * 10 + [429] * 20
    assert len(logs) == 1
    assert "guess" not in str(logs[0])
    assert 0 < int(attempt("guess").headers["retry-after"]) <= 60
    assert attempt(TOKEN).status_code in (200, 303)
    assert browser.get("/").status_code == 200


def test_guesses_count_wherever_they_are_tried(store: Store) -> None:
    app = build(store)
    guesser = client(app)
    for path in ("/readyz", "/static/style.css"):
        for _ in range(6):
            answer = guesser.get(path, headers={"cookie": "callscribe-8080=guess"})
            assert answer.status_code == 200
            assert "reasons" not in answer.text
    answer = guesser.get("/", headers={"cookie": "callscribe-8080=guess"})
    assert answer.status_code == 429


def test_a_browser_forgets_an_old_cookie(store: Store) -> None:
    answer = client(build(store)).get("/", headers={"cookie": "callscribe-8080=old"})
    assert answer.status_code == 401
    assert answer.headers["set-cookie"].startswith('callscribe-8080="";')
    assert "Max-Age=0" in answer.headers["set-cookie"]


FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:9999"},
        {"origin": "null"},
        {"origin": "https://[bad"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "evil.example"},
        {"host": "localhost.evil.example:8080"},
        {"host": "evil.example@127.0.0.1"},
        {"host": ""},
    ],
)
def test_without_signatures_no_web_page_elsewhere_reaches_twilio_s_routes(
    store: Store, headers: dict[str, str]
) -> None:
    app = build(store, unsigned=True)
    local = client(app, at=HERE, base="http://localhost:8080")
    with capture_logs() as logs:
        for _ in range(3):
            answer = local.post("/twilio/voice", content=b"CallSid=CA1", headers=FORM | headers)
            assert answer.status_code == 403
    assert len(logs) == 1
    signed = client(build(store), at=HERE, base="http://localhost:8080")
    assert signed.post("/twilio/voice", content=b"", headers=FORM | headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1:8080"},
        {"host": "192.168.1.5:8080"},
        {"host": "[::1]:8080"},
        {"host": "calls.example.ngrok.app"},
        {"sec-fetch-site": "none"},
        {"origin": "http://localhost:8080"},
    ],
)
def test_without_signatures_programs_reach_them(store: Store, headers: dict[str, str]) -> None:
    local = client(build(store, unsigned=True, public_url=PUBLIC), base="http://localhost:8080")
    assert local.post("/twilio/voice", content=b"", headers=FORM | headers).status_code == 200


async def test_without_signatures_no_web_page_elsewhere_opens_a_socket(store: Store) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/twilio/media/ticket",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"origin", b"https://evil.example")],
        "client": HERE,
        "http_version": "1.1",
    }
    await build(store, unsigned=True)(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_attempts_are_forgotten_after_a_while() -> None:
    now = 0.0
    attempts = Attempts(limit=2, window_s=60, clock=lambda: now)
    attempts.failed("a")
    attempts.failed("a")
    assert attempts.blocked_for("a") == 60
    assert attempts.blocked_for("b") == 0
    now = 60.0
    assert attempts.blocked_for("a") == 0
    attempts.failed("a")
    assert attempts.blocked_for("a") == 0


def test_attempts_remember_a_bounded_number_of_addresses() -> None:
    attempts = Attempts(limit=1)
    for number in range(Attempts.REMEMBERED + 10):
        attempts.failed(str(number))
    assert attempts.blocked_for("0") == 0
    assert attempts.blocked_for(str(Attempts.REMEMBERED + 9)) > 0


def test_without_a_token_only_this_machine_may_look(store: Store) -> None:
    app = build(store, token="")
    assert client(app).get("/").status_code == 401
    assert client(app).get("/?token=").status_code == 401
    assert client(app).get("/", headers={"authorization": "Bearer "}).status_code == 401
    assert client(app, at=HERE, base="http://localhost").get("/").status_code == 200


def test_a_short_token_is_refused(store: Store) -> None:
    with pytest.raises(SettingsError, match="at least 16"):
        client(build(store, token="short")).get("/")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "http://localhost:8080"}, 404),
        ({"origin": "http://localhost:8080"}, 404),
        ({}, 404),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"content-type": "text/plain"}, 403),
        ({"content-type": "application/x-www-form-urlencoded"}, 403),
    ],
)
def test_only_our_own_pages_may_change_anything(
    store: Store, headers: dict[str, str], status: int
) -> None:
    local = client(build(store), at=HERE, base="http://localhost:8080")
    given = {"content-type": "application/json", **headers}
    answer = local.post("/api/calls/none/pause", content=b"{}", headers=given)
    assert answer.status_code == status
    assert answer.json()["message"]


def test_other_sites_may_link_here_but_not_read(store: Store) -> None:
    local = client(build(store), at=HERE, base="http://localhost:8080")
    linked = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert local.get("/", headers=linked).status_code == 200
    fetched = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert local.get("/api/calls", headers=fetched).status_code == 403


async def test_there_is_no_socket_but_the_carriers(store: Store) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/api/events",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": HERE,
        "http_version": "1.1",
    }
    await build(store)(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize("path", ["/", "/api/calls", "/nothing", "/static/style.css", "/healthz"])
def test_every_answer_carries_the_protective_headers(store: Store, path: str) -> None:
    answer = client(build(store), at=HERE, base="http://localhost").get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] in ("no-store", "no-cache")


def test_a_failing_route_says_so_and_keeps_the_headers(tmp_path: Path) -> None:
    class Broken:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("secret detail")

    services = Services(settings=WebSettings(), registry=None, store=Broken(), hub=Hub())  # type: ignore[arg-type]
    local = Client(create_app(services), raising=False)
    for path in ("/", "/api/calls"):
        answer = local.get(path)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
