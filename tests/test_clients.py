from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from callscribe.addresses import is_here
from callscribe.clients import ProxyError, async_client, client
from callscribe.ranges import whole_number
from tests.web.serving import TOKEN, Serving

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def proxy() -> Iterator[tuple[int, list[bytes]]]:
    """Notes what it is asked for, and refuses it."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(20)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.9.1", "localhost."])
def test_no_proxy_hears_of_what_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    with proxy() as (port, asked):
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        with client(f"http://{host}:1") as own, pytest.raises(httpx.ConnectError):
            own.get(f"http://{host}:1/", headers={"authorization": "Bearer secret"})
        assert asked == []
        with client("http://calls.example.com") as far:
            assert far.get("http://calls.example.com/").status_code == 502
        assert asked


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("value", ["socks5://user:pw@h:1", "socks4://h:1", "ftp://h:1"])
def test_a_proxy_that_cannot_be_used_is_told_and_its_password_is_not(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    client("http://127.0.0.1:8080").close()
    for make in (client, async_client):
        with pytest.raises(ProxyError, match="proxy in the environment cannot be used") as raised:
            make("https://calls.example.com")
        assert "user:pw" not in str(raised.value)


@pytest.mark.parametrize(
    "command",
    [
        ("pause", "--server", "{url}"),
        ("calls",),
        ("doctor", "--public-url", "https://calls.example.com"),
        ("models", "list"),
    ],
)
def test_no_command_ends_in_a_traceback_for_a_proxy(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    with Serving(tmp_path / "data") as server:
        done = subprocess.run(
            [sys.executable, "-m", "callscribe", *(c.format(url=server.url) for c in command)],
            env={**os.environ, "ALL_PROXY": "socks5://127.0.0.1:1", "CALLSCRIBE_TOKEN": TOKEN}
            | ({"CALLSCRIBE_DATA": str(tmp_path / "data")} if command == ("calls",) else {}),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
    assert "Traceback" not in done.stderr, done.stderr
    if command[0] == "pause":
        assert done.stderr == "callscribe: No call is live now.\n"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("000", 0),
        ("7", 7),
        ("000000001000000", 1_000_000),
        ("9" * 18, 10**18 - 1),
        ("0" * 5000 + "5", 5),
    ],
)
def test_whole_numbers(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.0", " 1", "٣", "²", "1e3", "9" * 19, "9" * 5000]
)
def test_what_is_no_whole_number(text: str) -> None:
    assert whole_number(text) is None


@pytest.mark.parametrize("url", ["http://[bad", "", "https://calls.example.com", "http://10.0.0.1"])
def test_elsewhere(url: str) -> None:
    assert not is_here(url)
