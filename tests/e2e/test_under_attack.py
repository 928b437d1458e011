"""A server that strangers wear out: the call that is up loses no word, and a new call is answered."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from callscribe.carriers.twilio.signature import sign
from callscribe.carriers.twilio.webhook import Form
from callscribe.simulator.demos import demo
from callscribe.simulator.report import CallReport
from callscribe.simulator.run import Server, simulate_call
from callscribe.simulator.script import CallScript, Party
from tests.e2e.running import PATIENCE_S, SPEED, TOKEN, Running
from tests.heard import Listener, overheard, words

POST = (
    b"POST /twilio/voice HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
)
ONE_MB = 1_000_000


@contextlib.contextmanager
def connections(port: int, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    """Many, held open as long as the server lets them."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(count):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            with contextlib.suppress(OSError):
                one.sendall(first)
            held.append(one)
        yield held


def send(port: int, first: bytes, part: bytes, times: int) -> None:
    """One sender who goes on until refused."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=30) as one,
    ):
        one.sendall(first)
        for _ in range(times):
            one.sendall(part)


@contextlib.contextmanager
def idle(port: int) -> Iterator[None]:
    with connections(port, 1100):
        yield


@contextlib.contextmanager
def slow_bodies(port: int) -> Iterator[None]:
    with connections(port, 1100, POST + b"Content-Length: 50\r\n\r\nCallSid=") as held:
        for one in held:
            with contextlib.suppress(OSError):
                one.sendall(b"C")
        yield


@contextlib.contextmanager
def slow_readers(port: int) -> Iterator[None]:
    with connections(port, 1100, b"GET /static/style.css HTTP/1.1\r\nHost: x\r\n\r\n" * 8):
        yield


@contextlib.contextmanager
def endless_headers(port: int) -> Iterator[None]:
    for _ in range(5):
        send(port, POST, b"a: b\r\n" * 50_000, 100)
    yield


@contextlib.contextmanager
def an_endless_line(port: int) -> Iterator[None]:
    for _ in range(5):
        send(port, POST + b"a: ", b"b" * ONE_MB, 100)
    yield


@contextlib.contextmanager
def aborted_bodies(port: int) -> Iterator[None]:
    for _ in range(1000):
        send(port, POST + b"Content-Length: 50\r\n\r\nCallSid", b"", 0)
    yield


@contextlib.contextmanager
def garbage(port: int) -> Iterator[None]:
    for _ in range(500):
        send(port, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"", 0)
    yield


@contextlib.contextmanager
def large_forms(port: int) -> Iterator[None]:
    body = b"&".join(b"%%%02x%d=%s" % (n % 256, n, b"%41" * 9) for n in range(400))[:16_000]
    head = POST + b"X-Twilio-Signature: AAAA\r\nContent-Length: %d\r\n\r\n" % len(body)
    with connections(port, 700, head + body[:-1]) as held:
        for one in held:
            with contextlib.suppress(OSError):
                one.sendall(body[-1:])
        yield


@contextlib.contextmanager
def unsigned(port: int) -> Iterator[None]:
    for _ in range(500):
        send(port, POST + b"Content-Length: 5\r\n\r\na=b&c", b"", 0)
    yield


def talk(url: str) -> CallReport:
    """A caller and an agent, on one call."""
    caller, agent = demo("bank").audio().parties
    script = CallScript(Party("+15005550010", caller), others=(Party("+15005550020", agent),))
    call = simulate_call(script, Server(url), auth_token=TOKEN, speed=float(SPEED))
    return asyncio.run(call)


def memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def new_call(server: Running, sid: str) -> float:
    """Phones as Twilio does; how long the answer took, in seconds."""
    form = {"CallSid": sid, "From": "+15005550010", "To": "+15005550006", "Direction": "inbound"}
    form |= {"AccountSid": "AC" + "0" * 32, "CallStatus": "ringing", "ApiVersion": "2010-04-01"}
    url = f"{server.url}/twilio/voice"
    began = time.monotonic()
    answer = httpx.post(
        url,
        data=form,
        headers={"X-Twilio-Signature": sign(TOKEN, url, Form(form.items()))},
        timeout=PATIENCE_S,
        trust_env=False,
    )
    assert answer.status_code == 200
    assert "<Stream" in answer.text
    return time.monotonic() - began


def test_attacks_cost_a_call_no_word_and_a_caller_no_answer(
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attacks = (
        idle,
        slow_bodies,
        slow_readers,
        endless_headers,
        an_endless_line,
        aborted_bodies,
        garbage,
        large_forms,
        unsigned,
    )
    with (
        overheard(monkeypatch) as sent,
        ThreadPoolExecutor(1) as thread,
        Running(tmp_path / "data", "--json", open_files=1024) as server,
    ):
        port = int(server.url.rpartition(":")[2])
        new_call(server, "CA" + "a" * 32)
        before = memory_mb(server.process.pid)
        simulation = thread.submit(talk, server.url)
        server.until("final", 1)
        took = {}
        for index, attack in enumerate(attacks):
            with attack(port):
                took[attack.__name__] = new_call(server, f"CA{index:032x}")
        report = simulation.result()
        server.until("call_ended")
        finals = [e for e in server.events() if e["type"] == "final" and e["call"] == report.sid]
        grown = memory_mb(server.process.pid) - before
        assert server.end(signal.SIGTERM) == 0
    record_property("answered_after_s", took)
    # Every word, to the millisecond, as in the same audio that nobody disturbs.
    (stream,) = report.all_streams()
    (began,) = [
        e for e in server.events() if e["type"] == "stream_started" and e["stream"] == stream.sid
    ]
    listener = Listener()
    heard = listener.hear(sent[stream.sid], began["offset_ms"])
    listener.close()
    for track in ("inbound", "outbound"):
        assert heard[track]
        assert words([e for e in finals if e["track"] == track]) == heard[track]
    assert not [e for e in server.events() if e["type"] == "gap"]
    assert grown < 150
    said = (tmp_path / "data.stderr").read_text()
    assert "Traceback" not in said
    assert len(said) < 20_000, said[:2000]
