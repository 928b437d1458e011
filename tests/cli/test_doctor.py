"""`callscribe doctor` on a machine with a simulated account, with and without a running server."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callscribe.carriers.twilio.signature import SignatureChecker
from callscribe.cli import doctor, findings, main, reach
from callscribe.cli.findings import Finding, State
from callscribe.errors import TunnelError
from callscribe.metrics import Figures
from callscribe.recognition.scripted import ScriptedRecognizer
from callscribe.server import running_server
from callscribe.settings import Secret, Settings
from callscribe.simulator.rest_server import RunningRest, rest_in_thread
from callscribe.web.listening import listen

TOKEN = "0123456789abcdef0123456789abcdef"
OURS = "+15005550006"


@pytest.fixture
def rest(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningRest]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with rest_in_thread(auth_token=TOKEN, seed=1) as running:
        running.world.add_number(OURS, voice_url="https://old.example.test/voice")
        yield running


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Make = Callable[..., Settings]


@pytest.fixture
def make(rest: RunningRest, port: int, tmp_path: Path) -> Make:
    def make_(**more: Any) -> Settings:
        facts: dict[str, Any] = {
            "port": port,
            "data": tmp_path / "data",
            "account_sid": rest.world.account_sid,
            "auth_token": Secret(TOKEN),
            "api_url": rest.url,
            "public_url": f"http://127.0.0.1:{port}",
        }
        return Settings(**(facts | more))

    return make_


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def test_all_is_well_before_the_first_start(make: Make) -> None:
    found = by_check(list(doctor.examine(make())))
    assert {name: f.state for name, f in found.items() if f.state not in ("ok", "skipped")} == {
        name: "warning" for name in ("Model", "Speed") if found[name].state == "warning"
    }
    assert f"{OURS}, calls go to https://old.example.test/voice" in found["Number"].detail
    assert found["Signature"].state == "ok"
    assert found["WebSocket"].state == "ok"
    assert found["Clock"].state == "ok"
    assert "a second of speech takes" in found["Speed"].detail


def test_a_server_with_another_token(make: Make, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    with reach.stand_in("127.0.0.1", port, SignatureChecker(["f" * 32], url)):
        found = by_check(list(doctor.examine(make())))
    assert "listening on" in found["Server"].detail
    assert found["Signature"].state == "failed"
    assert "another public_url or another auth token" in found["Signature"].cure
    assert found["WebSocket"].state == "failed"
    assert (found["Number"].state, "not to" in found["Number"].detail) == ("failed", True)


def test_a_server_that_checks_nothing(make: Make, port: int) -> None:
    with reach.stand_in("127.0.0.1", port, None):
        found = by_check(list(doctor.examine(make())))
    assert found["Signature"].state == "warning"
    assert "--allow-unsigned" in found["Signature"].cure


def test_the_tunnel_of_a_running_server_is_found_at_its_number(
    make: Make, rest: RunningRest, port: int
) -> None:
    number = rest.world.number(OURS)
    assert number is not None
    url = f"http://127.0.0.1:{port}"
    number.voice_url = f"{url}/twilio/voice"
    with reach.stand_in("127.0.0.1", port, SignatureChecker([TOKEN], url)):
        found = by_check(list(doctor.examine(make(public_url="", tunnel="ngrok"))))
    assert found["Public address"].detail == f"{url} reaches this server"
    assert found["WebSocket"].state == "ok"


def test_a_tunnel_of_its_own(make: Make, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []

    def opened(wanted: int, token: str) -> Any:
        assert wanted == port
        return SimpleNamespace(
            public_url=f"http://127.0.0.1:{port}", close=lambda: closed.append(wanted)
        )

    monkeypatch.setattr(doctor, "open_tunnel", opened)
    found = by_check(list(doctor.examine(make(public_url="", tunnel="ngrok"))))
    assert found["Tunnel"].state == "ok"
    assert found["WebSocket"].state == "ok"
    assert closed == [port]

    def refused(wanted: int, token: str) -> Any:
        raise TunnelError("No tunnel: set NGROK_AUTHTOKEN.")

    monkeypatch.setattr(doctor, "open_tunnel", refused)
    found = by_check(list(doctor.examine(make(public_url="", tunnel="ngrok"))))
    assert found["Tunnel"] == Finding("Tunnel", "failed", "No tunnel: set NGROK_AUTHTOKEN.")


def test_bad_credentials_stop_what_depends_on_them(make: Make) -> None:
    found = by_check(list(doctor.examine(make(auth_token=Secret("0" * 32)))))
    assert found["Credentials"].state == "failed"
    assert "TWILIO_AUTH_TOKEN" in found["Credentials"].detail
    assert "Number" not in found
    found = by_check(list(doctor.examine(make(account_sid="AC1"))))
    assert "32 hexadecimal digits" in found["Credentials"].detail


def test_numbers_that_will_not_ring(make: Make, rest: RunningRest, tmp_path: Path) -> None:
    number = rest.world.number(OURS)
    assert number is not None
    number.trunk_sid = "TK" + "1" * 32
    found = by_check(list(doctor.examine(make())))
    assert (found["Number"].state, "SIP trunk" in found["Number"].cure) == ("failed", True)
    number.trunk_sid = ""
    notes = tmp_path / "data" / "carrier"
    notes.mkdir(parents=True)
    (notes / "PN1.json").write_text("{}")
    found = by_check(list(doctor.examine(make())))
    assert "a server that was killed left 1 number" in found["Number"].detail


def test_nothing_is_set(port: int, tmp_path: Path) -> None:
    found = by_check(list(doctor.examine(Settings(port=port, data=tmp_path, model="nope"))))
    assert {name: f.state for name, f in found.items()} == {
        "Settings": "failed",
        "Calls": "ok",
        "Data folder": "ok",
        "Open files": "ok",
        "Model": "failed",
        "Server": "ok",
        "Credentials": "skipped",
        "Public address": "skipped",
    }


def test_a_kept_token_that_the_server_would_refuse(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short")
    found = by_check(list(findings.rules(Settings(data=tmp_path))))
    assert found["Token"].state == "failed"
    assert "Delete the file" in found["Token"].detail
    (tmp_path / "token").unlink()
    assert "Token" not in by_check(list(findings.rules(Settings(data=tmp_path))))


def test_a_flow_that_cannot_work(tmp_path: Path) -> None:
    found = by_check(list(findings.rules(Settings(flow="forward", data=tmp_path))))
    assert found["Calls"].state == "failed"
    assert "to" in found["Calls"].detail
    both = {OURS: {"flow": "conference", "room": "support"}, "+15005550007": {"flow": "answer"}}
    found = by_check(list(findings.rules(Settings(numbers=both, allow_unsigned=True))))
    assert found["Settings"].state == "warning"
    assert found["Calls"].detail == f"{OURS}: conference, +15005550007: answer"


@pytest.mark.parametrize(
    ("free", "state"), [(10**10, "ok"), (5 * 10**8, "warning"), (10**7, "failed")]
)
def test_room_on_the_disk(
    free: int, state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    (finding,) = findings.data_folder(Settings(data=tmp_path / "new" / "deep"))
    assert finding.state == state
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (finding,) = findings.data_folder(Settings(data=tmp_path / "file"))
    assert finding.state == "failed"


@pytest.mark.parametrize(
    ("off_s", "state", "words"),
    [
        (0, "ok", "within"),
        (20, "ok", "within"),
        (90, "warning", "90 s behind"),
        (-90, "warning", "ahead of"),
    ],
)
def test_clocks(off_s: int, state: str, words: str) -> None:
    now = datetime(2026, 1, 15, 10, 0, 0, 500_000, tzinfo=UTC)
    carrier = now.replace(microsecond=0) + timedelta(seconds=off_s)
    finding = findings.clock_skew(carrier, now, now + timedelta(milliseconds=2))
    assert finding.state == state
    assert words in finding.detail


class SlowRecognizer:
    """Takes a stated time."""

    sample_rate = 16000

    def __init__(self) -> None:
        self.samples = 0

    def start_session(self) -> Any:
        return self

    def accept(self, pcm: Any) -> None:
        self.samples += len(pcm)

    def finish(self) -> None:
        pass

    close = finish


@pytest.mark.parametrize(
    ("factor", "busy", "state"), [(0.1, 0.5, "ok"), (0.1, 4.0, "warning"), (1.5, 0.0, "failed")]
)
def test_speed(factor: float, busy: float, state: str) -> None:
    times = iter([0.0, factor * findings.SAMPLE_MS / 1000])
    recognizer = SlowRecognizer()
    finding = findings.speed(recognizer, cores=4, busy=busy, clock=lambda: next(times))  # type: ignore[arg-type]
    assert finding.state == state
    assert f"takes {factor:.2f} s" in finding.detail
    assert recognizer.samples == findings.SAMPLE_MS * 16


def test_a_public_address_where_something_else_answers(port: int) -> None:
    class Other:
        def __call__(self, *_: Any) -> None: ...

    listener = socket.create_server(("127.0.0.1", port))

    def answer() -> None:
        peer, _ = listener.accept()
        peer.recv(4096)
        peer.sendall(
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n"
        )
        peer.close()

    thread = threading.Thread(target=answer)
    thread.start()
    finding = reach.public_address(f"http://127.0.0.1:{port}")[-1]
    thread.join()
    listener.close()
    assert finding.state == "failed"
    assert "HTTP 502" in finding.detail
    (_, refused) = reach.public_address(f"http://127.0.0.1:{port}")
    assert "Nothing answers" in refused.detail


def test_plain_http_is_not_enough_for_the_carrier() -> None:
    (tls, address) = reach.public_address("http://callscribe.invalid")
    assert (tls.check, tls.state) == ("TLS", "failed")
    assert address.state == "failed"


def test_a_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "5",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
    port = listener.getsockname()[1]

    def answer(times: int) -> None:
        for _ in range(times):
            try:
                peer, _ = listener.accept()
            except OSError:
                continue
            peer.recv(4096)
            peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"status":"alive"}')
            peer.close()

    thread = threading.Thread(target=answer, args=(2,))
    thread.start()
    (_, untrusted) = reach.public_address(f"https://127.0.0.1:{port}")
    assert (untrusted.check, untrusted.state) == ("TLS", "failed")
    assert "public authorities" in untrusted.cure
    trusting = ssl.create_default_context(cafile=str(certificate))
    findings = reach.public_address(f"https://127.0.0.1:{port}", verify=trusting)
    thread.join()
    listener.close()
    assert findings[-1].state == "ok"
    assert ("Renew it: 4 days left." in findings[1].cure) or ("5 days" in findings[1].cure)


def test_a_proxy_that_swallows_upgrades(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port))

    def answer() -> None:
        peer, _ = listener.accept()
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        peer.close()

    thread = threading.Thread(target=answer)
    thread.start()
    finding = reach.signed_socket(f"http://127.0.0.1:{port}", TOKEN)
    thread.join()
    listener.close()
    assert "HTTP 400" in finding.detail
    assert "31920" in finding.detail


def test_the_command(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    settings = make()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", settings.account_sid)
    options = [
        *("--port", str(settings.port), "--data", str(settings.data)),
        *("--api-url", settings.api_url, "--public-url", settings.public_url),
    ]

    def run(*more: str) -> int:
        monkeypatch.setattr("sys.argv", ["callscribe", "doctor", *options, *more])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    assert run() == 0
    text = capsys.readouterr().out
    assert "ok       WebSocket       a signed socket opens" in text
    assert TOKEN not in text
    assert run("--json", "--model", "nope") == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert {"check", "state", "detail", "cure"} == set(report["findings"][0])


def test_on_a_terminal_the_cure_hangs_under_the_finding() -> None:
    from tests.terminal.screen import Stage

    stage = Stage(70)
    doctor.show(stage.console, Finding("Speed", "warning", "slow " * 14, "Buy " * 20))
    lines = stage.lines()
    assert lines[0].startswith("warning  Speed           slow slow")
    assert lines[1].startswith(" " * 25 + "slow")
    assert lines[2].startswith(" " * 25 + "-> Buy")
    assert lines[3].startswith(" " * 28 + "Buy")
    assert all(len(line) <= 70 for line in lines)


@pytest.mark.parametrize(("files", "state"), [(256, "warning"), (1024, "ok"), (4096, "ok")])
def test_few_open_files_are_told(monkeypatch: pytest.MonkeyPatch, files: int, state: str) -> None:
    monkeypatch.setattr(findings, "raise_file_limit", lambda: files)
    finding = findings.open_files()
    assert (finding.check, finding.state) == ("Open files", state)
    assert bool(finding.cure) == (state == "warning")


def figures(**more: float) -> Figures:
    known = {
        "capacity_tracks": 20.0,
        "live_tracks": 4.0,
        "open_files": 40.0,
        "open_files_allowed": 4096.0,
    }
    return Figures(2, 4, 10, 200, 0.2, 1.5, 0.0, 3, 1, 2, 0, False, known | more)


def test_a_running_server_tells_how_it_does() -> None:
    found = by_check(list(findings.running(figures(real_time_factor=0.0312))))
    assert found["Load"].detail == (
        "2 calls, 4 of 20 tracks followed, 0.2 s behind, real-time factor 0.031, 0 in the queue"
    )
    assert found["Losses"].detail == (
        "3 frames arrived too late, 1.5 s of audio never arrived, 0.0 s were dropped here"
    )
    assert found["Server's files"].detail == "40 of 4096 open"
    assert {finding.state for finding in found.values()} == {"ok"}


def test_a_running_server_that_needs_somebody() -> None:
    now = figures(waiting_tracks=6, left_tracks=2, waiting_audio_seconds=120, open_files=4000)
    now = replace(
        now, lag_s=12.0, dropped_s=3.0, store_failing=True, gives_way={"finals are late": True}
    )
    found = by_check(list(findings.running(now)))
    assert {name: finding.state for name, finding in found.items()} == {
        "Load": "warning",
        "Waiting": "warning",
        "Losses": "failed",
        "Record": "failed",
        "Server's files": "warning",
    }
    assert found["Waiting"].detail == (
        "6 tracks of live calls and 2 of ended ones wait to be transcribed, 120 s of audio; finals are late"
    )


async def test_the_figures_come_from_the_running_server(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, allow_unsigned=True, port=0)
    async with running_server(settings, ScriptedRecognizer(), listen("127.0.0.1", 0)) as server:
        port = int(server.address.url.rpartition(":")[2])
        examine = lambda: list(doctor.examine(replace(settings, port=port)))  # noqa: E731
        found = by_check(await asyncio.to_thread(examine))
    assert found["Load"].state == "ok"
    assert "0 calls" in found["Load"].detail


def found(*states: State, address: State = "ok") -> list[Finding]:
    return [
        *(Finding("Some", state, "") for state in states),
        Finding("Public address", address, ""),
    ]


@pytest.mark.parametrize(
    ("findings", "last_line"),
    [
        (found("ok"), "Everything works."),
        (found("warning"), "Ready for calls. 1 warning above."),
        (
            found("ok", address="skipped"),
            "Ready for simulated calls; real ones need a public address.",
        ),
        (
            found("warning", "warning", address="skipped"),
            "Ready for simulated calls; real ones need a public address. 2 warnings above.",
        ),
        (found("failed", "warning"), "One check failed."),
        (
            found("failed", "failed"),
            "2 checks failed. Start with the first: it may cause the others.",
        ),
    ],
)
def test_the_last_line_sums_up(findings: list[Finding], last_line: str) -> None:
    assert doctor.summary(findings) == last_line
