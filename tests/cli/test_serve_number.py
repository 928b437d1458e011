"""A server that takes over a real number: what it changes at the carrier, and that it puts it back however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from callscribe.cli.remote import Remote, place
from callscribe.records import CallRecord
from callscribe.simulator import demos
from callscribe.simulator.rest_server import RunningRest, rest_in_thread
from callscribe.simulator.script import Party
from callscribe.simulator.webhooks import Target

TOKEN = "0123456789abcdef0123456789abcdef"
OURS = "+15005550006"
OLD = "https://old.example.test/voice"
PUBLIC = "https://calls.example.test"
PATIENCE_S = 60


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def rest(port: int) -> Iterator[RunningRest]:
    target = Target(f"http://127.0.0.1:{port}", PUBLIC)  # the tunnel
    with rest_in_thread(auth_token=TOKEN, target=target, speed=2, seed=1) as running:
        running.world.add_number(OURS, voice_url=OLD, voice_method="GET")
        yield running


class Serve:
    """`callscribe serve` in a process of its own, until it waits for calls."""

    def __init__(self, rest: RunningRest, data: Path, *arguments: str, token: str = TOKEN) -> None:
        port = rest.world.target.url.rpartition(":")[2]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CALLSCRIBE_")}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "callscribe", "serve", "--port", port),
                *("--data", str(data), "--api-url", rest.url, "--public-url", PUBLIC, *arguments),
            ],
            env=environment
            | {
                "TWILIO_ACCOUNT_SID": rest.world.account_sid,
                "TWILIO_AUTH_TOKEN": token,
                "NO_PROXY": "127.0.0.1",
            },
            cwd=data.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []

    def until_waiting(self, numbers: str | None = OURS) -> None:
        alarm = threading.Timer(PATIENCE_S, self.process.kill)
        alarm.start()
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip())
            if line.startswith("Waiting for calls"):
                break
        alarm.cancel()
        assert self.said, "it said nothing"
        end = f" on {numbers}" if numbers else ". Try it without a phone"
        assert self.said[-1].startswith(f"Waiting for calls{end}"), self.said

    def end(self, number: int) -> tuple[int, str]:
        self.process.send_signal(number)
        return self.finish()

    def finish(self) -> tuple[int, str]:
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, (out or "") + err


def routing(rest: RunningRest) -> tuple[str, str, str, str]:
    number = rest.world.number(OURS)
    assert number is not None
    return (
        number.voice_url,
        number.voice_method,
        number.status_callback,
        number.status_callback_method,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_taken_and_put_back_when_told_to_stop(
    rest: RunningRest, tmp_path: Path, number: int
) -> None:
    before = routing(rest)
    server = Serve(rest, tmp_path / "data")
    server.until_waiting()
    taken = (f"{PUBLIC}/twilio/voice", "POST", f"{PUBLIC}/twilio/status", "POST")
    assert routing(rest) == taken
    status, said = server.end(number)
    assert routing(rest) == before
    assert status == 0, said
    assert TOKEN not in said


def test_killed_and_repaired_by_the_next_start(rest: RunningRest, tmp_path: Path) -> None:
    before = routing(rest)
    server = Serve(rest, tmp_path / "data")
    server.until_waiting()
    server.end(signal.SIGKILL)
    assert routing(rest) != before
    again = Serve(rest, tmp_path / "data")
    again.until_waiting()
    assert any("restored to what it was" in line for line in again.said)
    again.end(signal.SIGTERM)
    assert routing(rest) == before


def test_every_number_with_a_flow_of_its_own_is_taken(rest: RunningRest, tmp_path: Path) -> None:
    second = rest.world.add_number("+15005550007", voice_url=OLD)
    rest.world.add_number("+15005550008", voice_url=OLD)
    settings = f"[numbers.'{OURS}']\nflow = 'answer'\n[numbers.'+15005550007']\nroom = 'support'\n"
    (tmp_path / "callscribe.toml").write_text(settings + "flow = 'conference'\n")
    server = Serve(rest, tmp_path / "data")
    server.until_waiting(f"{OURS} and +15005550007")
    assert second.voice_url == f"{PUBLIC}/twilio/voice"
    server.end(signal.SIGTERM)
    assert {n.voice_url for n in rest.world.numbers.values()} == {OLD}


@pytest.fixture
def same_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Client commands find the server's token where it keeps it."""
    monkeypatch.setenv("CALLSCRIBE_DATA", str(tmp_path / "data"))


@pytest.mark.usefixtures("same_data")
def test_a_reader_that_leaves_does_not_end_the_server(rest: RunningRest, tmp_path: Path) -> None:
    server = Serve(rest, tmp_path / "data", "--json", "--greeting", "")
    server.until_waiting()
    assert server.process.stdout is not None
    server.process.stdout.close()
    server.process.stdout = None
    url = rest.world.target.url
    rest.world.parties["+15005550020"] = Party("+15005550020", rings_s=0.1)
    sid = run("dial", "+15005550020", "--server", url).split("--call ")[1].strip()
    with Remote(place(url)) as remote:
        assert remote.record(sid).call.ended_at is None
        assert remote.get("/readyz")["ready"]
    status, _ = server.end(signal.SIGTERM)
    assert status == 0


def test_dry_run_changes_nothing(rest: RunningRest, tmp_path: Path) -> None:
    before = routing(rest)
    status, said = Serve(rest, tmp_path / "data", "--dry-run").finish()
    assert status == 0
    assert f"voice URL: {OLD} -> {PUBLIC}/twilio/voice" in said
    assert routing(rest) == before
    assert not any(request.method == "POST" for request in rest.api.requests)


def test_several_numbers_and_wrong_credentials(rest: RunningRest, tmp_path: Path) -> None:
    rest.world.add_number("+15005550007")
    status, said = Serve(rest, tmp_path / "data").finish()
    assert status == 1
    assert "Say which with --number" in said
    status, said = Serve(rest, tmp_path / "data", token="f" * 32).finish()
    assert status == 1
    assert "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" in said
    assert "Traceback" not in said


def test_an_api_that_does_not_answer_keeps_no_server_from_taking_calls(
    rest: RunningRest, tmp_path: Path, port: int
) -> None:
    before = routing(rest)
    with socket.socket() as nobody:  # bound and not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        server = Serve(rest, tmp_path / "data", "--api-url", nowhere)
        server.until_waiting(None)
    assert any("cannot be reached" in line for line in server.said)
    assert any(f"{PUBLIC}/twilio/voice" in line for line in server.said)
    assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    status, said = server.end(signal.SIGTERM)
    assert status == 0, said
    assert routing(rest) == before


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "callscribe", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def until(remote: Remote, sid: str, words: int, *, over: bool = False) -> CallRecord:
    """The record once this much was said, and the call is over if it should be."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        record = remote.record(sid)
        said = sum(len(utterance.words) for utterance in record.utterances)
        if said >= words and (not over or record.call.ended_at):
            return record
        time.sleep(0.2)
    raise AssertionError(f"it did not come: {record}")


@pytest.mark.usefixtures("same_data")
def test_dial_detach_and_attach(rest: RunningRest, tmp_path: Path) -> None:
    """A call placed from the command line is transcribed; it can be let go and taken up again."""
    caller, agent = demos.demo("bank").audio().parties
    assert caller
    rest.world.parties["+15005550020"] = Party("+15005550020", agent, rings_s=0.2)
    server = Serve(rest, tmp_path / "data", "--greeting", "")
    server.until_waiting()
    url = rest.world.target.url
    said = run("dial", "+15005550020", "--server", url)
    sid = said.split("--call ")[1].strip()
    with Remote(place(url)) as remote:
        record = until(remote, sid, 5)
        assert (record.call.direction, record.call.to) == ("outbound", "+15005550020")
        assert "calling your bank" in " ".join(u.text for u in record.utterances)
        assert "continues" in run("detach", sid, "--server", url)
        first = until(remote, sid, 5, over=True)
        assert sid in run("attach", "--server", url), "listed, as it is up and not transcribed"
        assert "Transcribing" in run("attach", sid, "--server", url)
        call = rest.world.calls[sid]
        heard = sum(len(u.words) for u in first.utterances)
        until(remote, sid, heard + 3)

        async def hang_up() -> None:
            call.hang_up("carrier")

        rest.call(hang_up)
        record = until(remote, sid, heard + 3, over=True)
    assert server.end(signal.SIGTERM)[0] == 0
