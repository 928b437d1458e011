"""More calls than there is room for, and a server that is killed meanwhile: what waits is sealed, and the next one
transcribes it, also where its number has a second reader of its own."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from callscribe.simulator import demos
from tests.e2e.running import PATIENCE_S, SPEED, Running, errors, report, show, simulate
from tests.readers import tiny_en


def test_what_waits_when_a_server_is_killed_is_transcribed_by_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = tmp_path / "callscribe.toml"
    settings.write_text(f'[numbers."+15005550006"]\nsecond_reader = {str(tiny_en())!r}\n')
    flags = ("--json", "--capacity", "2", "--second-reader", "off", "--config", str(settings))
    with Running(data, *flags) as server:
        report(simulate(server, "--speed", SPEED, "--calls", "2", "--spread", "0.5"))
        (waits,) = server.until("transcription_waits")
        server.end(signal.SIGKILL)
    files = [path for path in (data / "waiting").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".fed", ".stream"}
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        head = path.read_bytes()[:12]
        assert b"CSseal1:" in head
        assert waits["call"].encode() not in path.read_bytes()

    with Running(data, *flags) as server:
        ended = {event["call"]: event for event in server.until("record_settled")}
        deadline = time.monotonic() + PATIENCE_S
        while waits["call"] not in ended and time.monotonic() < deadline:
            ended = {
                event["call"]: event for event in server.until("record_settled", len(ended) + 1)
            }
        server.end(signal.SIGTERM)
    record = show(data, waits["call"])
    said = demos.demo("bank")
    for track, speaker in (("inbound", "caller"), ("outbound", "agent")):
        wrong = errors(record, track, said.words(speaker))
        assert wrong.rate < 0.1, wrong
    assert {said["reading"] for said in record["utterances"]} <= {2, 3}
    assert not (data / "waiting").exists()
