"""The addresses that `callscribe doctor` tries, behind the same check as the carrier's."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from callscribe.carriers.twilio.probe import PATH, probe_app
from callscribe.carriers.twilio.signature import SIGNATURE_HEADER, SignatureChecker, sign
from callscribe.carriers.twilio.webhook import Form
from callscribe.cli.reach import stand_in
from tests.web.client import Client

TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC = "https://calls.example.test"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def client() -> Client:
    return Client(probe_app(SignatureChecker([TOKEN], PUBLIC)))


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
    with stand_in("127.0.0.1", free, SignatureChecker([TOKEN], PUBLIC)):
        yield free


def open_socket(port: int, token: str) -> ClientConnection:
    signature = sign(token, PUBLIC.replace("https", "wss") + PATH)
    return connect(f"ws://127.0.0.1:{port}{PATH}", additional_headers={SIGNATURE_HEADER: signature})


def test_a_signed_request_is_echoed_and_another_refused(client: Client) -> None:
    good = sign(TOKEN, PUBLIC + PATH, Form([("Probe", "abc")]))
    headers = {"content-type": FORM, SIGNATURE_HEADER: good}
    answer = client.post(PATH, content="Probe=abc", headers=headers)
    assert (answer.status_code, answer.text) == (200, "Probe=abc")
    assert client.post(PATH, content="Probe=abd", headers=headers).status_code == 403
    assert client.post(PATH, content="Probe=abc", headers={"content-type": FORM}).status_code == 403
    assert client.post(PATH, content="x" * 5000, headers=headers).status_code == 413


def test_a_signed_socket_is_echoed_once_and_another_refused(port: int) -> None:
    with open_socket(port, TOKEN) as websocket:
        websocket.send("hello")
        assert websocket.recv(10) == "hello"
        with pytest.raises(ConnectionClosed):
            websocket.recv(10)
    with pytest.raises(InvalidStatus) as refused:
        open_socket(port, "another token")
    assert refused.value.response.status_code == 403


def test_a_binary_message_ends_it(port: int) -> None:
    with open_socket(port, TOKEN) as websocket:
        websocket.send(b"x")
        with pytest.raises(ConnectionClosed):
            websocket.recv(10)


def test_without_a_token_nothing_is_checked() -> None:
    client = Client(probe_app(None))
    assert client.post(PATH, content="anything").text == "anything"
    assert client.get("/healthz").json() == {"status": "alive"}
