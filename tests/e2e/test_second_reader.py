"""A whole call with the real second reader: read again, settled, and nothing lost when the server is killed; and with
the same model alone."""

from __future__ import annotations

import signal
from pathlib import Path

from callscribe.simulator import demos
from tests.e2e.running import SPEED, Running, errors, report, show, simulate
from tests.readers import tiny_en


def test_a_call_is_read_again_and_settled(tmp_path: Path) -> None:
    with Running(tmp_path / "data", "--json", "--second-reader", str(tiny_en())) as server:
        (call,) = report(simulate(server, "--speed", SPEED))
        settled = server.until("record_settled")
        events = server.events()
        server.end(signal.SIGTERM)
    assert settled[0]["unread"] == 0
    finals = {event["utterance"] for event in events if event["type"] == "final"}
    revised = {event["utterance"] for event in events if event["type"] == "revised"}
    assert revised == finals
    record = show(tmp_path / "data", call["sid"])
    assert {said["reading"] for said in record["utterances"]} <= {2, 3}
    assert all(said["first"]["raw_text"] for said in record["utterances"])
    said = demos.demo("bank")
    for track, speaker in (("inbound", "caller"), ("outbound", "agent")):
        wrong = errors(record, track, said.words(speaker))
        assert wrong.rate < 0.1, wrong
    assert not (tmp_path / "data" / "unread").exists()


def test_a_killed_server_reads_what_was_left_when_it_starts_again(tmp_path: Path) -> None:
    data, reader = tmp_path / "data", str(tiny_en())
    with Running(data, "--json", "--second-reader", reader) as server:
        calling = simulate(server, "--speed", SPEED)
        server.until("final", 6)
        server.end(signal.SIGKILL)
        calling.communicate()
    assert list((data / "unread").rglob("*.utt"))
    with Running(data, "--json", "--second-reader", reader) as server:
        (settled,) = server.until("record_settled")
        server.end(signal.SIGTERM)
    assert settled["unread"] == 0
    record = show(data, settled["call"])
    assert len(record["utterances"]) >= 5
    # The very last final may have been on its way: its sound is kept a moment after it is shown.
    assert [said["reading"] for said in record["utterances"]].count(1) <= 1
    assert not (data / "unread").exists()


def test_a_whisper_model_alone_hears_a_call(tmp_path: Path) -> None:
    with Running(tmp_path / "data", "--json", "--model", str(tiny_en())) as server:
        (call,) = report(simulate(server, "--speed", SPEED))
        server.until("call_ended")
        server.until("stream_ended")  # later than the call, where it was too much for the machine
        events = server.events()
        server.end(signal.SIGTERM)
    assert {event["language"] for event in events if event["type"] == "final"} == {"en"}
    assert not [event for event in events if event["type"] == "revised"]
    record = show(tmp_path / "data", call["sid"])
    said = demos.demo("bank")
    for track, speaker in (("inbound", "caller"), ("outbound", "agent")):
        wrong = errors(record, track, said.words(speaker))
        assert wrong.rate < 0.1, wrong
