"""What must not keep a server from ending, or a call from being kept."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import (
    CALLSCRIBE,
    ENVIRONMENT,
    PATIENCE_S,
    SPEED,
    Running,
    free_port,
    report,
    show,
    simulate,
)


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="the size of a pipe can't be set")
def test_a_viewer_that_stopped_reading_keeps_no_server_alive(tmp_path: Path) -> None:
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)  # type: ignore[attr-defined, unused-ignore]
    port = str(free_port())
    with (tmp_path / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [*CALLSCRIBE, "serve", "--json", "--port", port, "--data", str(tmp_path / "data")],
            env=ENVIRONMENT,
            stdout=write,
            stderr=errors,
        )
    os.close(write)
    try:
        _until_ready(process, port)
        simulated = subprocess.run(
            [*CALLSCRIBE, "simulate", f"http://127.0.0.1:{port}", "--speed", "10"],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert simulated.returncode == 0, simulated.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(read)
    assert "Traceback" not in (tmp_path / "stderr").read_text()


def _until_ready(process: subprocess.Popen[bytes], port: str) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            continue
        return
    raise AssertionError("it ended at once")


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be deleted on Windows")
def test_a_record_deleted_during_a_call_is_told_and_written_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Running(data, "--json") as server:
        simulation = simulate(server, "--speed", SPEED)
        server.until("final")
        for file in data.glob("callscribe*"):
            file.unlink()
        failed, again = server.until("store_failed", 2)
        assert "was deleted while the server was running" in failed["message"]
        assert again["message"].startswith("The record is being written again.")
        (call,) = report(simulation)
        server.until("call_ended")
        finals = server.until("final")
        assert server.end(signal.SIGTERM) == 0
    record = show(data, call["sid"])
    assert record["call"]["status"] == "completed"
    assert {u["utterance"] for u in record["utterances"]} >= {f["utterance"] for f in finals}


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_server_started_without_its_streams_works_and_ends_in_order(
    tmp_path: Path, closed: str
) -> None:
    port = str(free_port())
    command = [*CALLSCRIBE, "serve", "--port", port, "--data", str(tmp_path / "data")]
    process = subprocess.Popen(["sh", "-c", f'exec "$@" {closed}', "sh", *command], env=ENVIRONMENT)
    try:
        _until_ready(process, port)
        for _ in range(5):  # connections must not take the streams' places
            httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).raise_for_status()
        for number in ("SIGUSR1", "SIGALRM", "SIGUSR2"):
            process.send_signal(getattr(signal, number))
        httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).raise_for_status()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["text"], ["settings"]])
@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_an_output_that_cannot_be_written_is_said(arguments: list[str], output: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {output}', "sh", *CALLSCRIBE, *arguments],
        env=ENVIRONMENT,
        input="forty two\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1
    why = "it is closed" if output == ">&-" else "No space left on device"
    assert done.stderr == f"callscribe: The output cannot be written: {why}.\n"
