"""Whole calls by the settings file, the simulated carrier and the real recogniser: who said which word, and when.

`callscribe serve --config FILE` and `callscribe show SID --json` are run as users run them, in their own processes.
"""

from __future__ import annotations

import difflib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from callscribe.simulator.demos import Demo, demo
from callscribe.simulator.report import CallReport, StreamReport
from callscribe.simulator.run import Server as Phoned
from callscribe.simulator.run import simulate_call
from callscribe.simulator.script import CallbackFaults, CallScript, DialResult, Party
from tests.heard import Listener, overheard, words

TOKEN = "0123456789abcdef0123456789abcdef"
ALICE, BOB = "+15005550010", "+15005550020"
SETTINGS = """
[numbers."+15005550006"]
flow = "forward"
to = ["+15005550020"]
[numbers."+15005550007"]
flow = "conference"
room = "support"
[contacts]
"+15005550010" = "Alice Adams"
"""
CONFERENCE = "+15005550007"
SPEED = 2.5
"""Five recognisers keep up with this on one core."""
PATIENCE_S = 60
OFFSET_MS = 100
CALLBACKS = CallbackFaults(delay_s=1.0, repeat=0.5)
WRONG_WORDS = 0.05
"""Share of words that the small model may get wrong; the rest must stand in the right person's mouth."""
WRONG_WORDS_OF_FIVE = 0.08
"""The same of the meeting's 63: two always ("all", "here"), a third or fourth by how the recogniser's steps happen to
fall on the words. That nothing else decides which is checked word by word."""


class Served:
    """`callscribe serve` with the settings above."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        (folder / "flows.toml").write_text(SETTINGS, encoding="utf-8")
        self.process = subprocess.Popen(
            self.command("serve", "--port", str(port)),
            **self.surroundings(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        alarm = threading.Timer(PATIENCE_S, self.process.kill)
        alarm.start()
        assert self.process.stderr is not None
        said: list[str] = []
        for line in self.process.stderr:
            said.append(line)
            if line.startswith("Waiting for calls"):
                break
        alarm.cancel()
        assert self.process.poll() is None, said

    def command(self, *arguments: str) -> list[str]:
        settings = ("--config", "flows.toml", "--data", "data")
        return [sys.executable, "-m", "callscribe", *arguments, *settings]

    def surroundings(self) -> dict[str, Any]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CALLSCRIBE_", "TWILIO_"))}
        own = {"TWILIO_AUTH_TOKEN": TOKEN, "CALLSCRIBE_SECOND_READER": "off"}
        return {"env": kept | own, "cwd": self.folder, "text": True}

    def show(self, sid: str) -> dict[str, Any]:
        done = subprocess.run(
            self.command("show", sid, "--json"),
            **self.surroundings(),
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        record: dict[str, Any] = json.loads(done.stdout)
        return record

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, said


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(tmp_path_factory.mktemp("flows"))
    yield server
    server.stop()


async def phone(served: Served, script: CallScript, speed: float = SPEED) -> CallReport:
    report = await simulate_call(
        script,
        Phoned(served.url),
        auth_token=TOKEN,
        speed=speed,
        seed=1,
        callback_faults=CALLBACKS,
    )
    assert report.errors == []
    return report


def check_words(
    record: dict[str, Any], told: Demo, speaker: str, utterances: Sequence[dict[str, Any]], at: int
) -> int:
    """Every line begins where it was said, to `OFFSET_MS`; the number of words that are wrong.

    Args:
        at: where the conversation begins on the record's line, in milliseconds.
    """
    heard = [word for utterance in utterances for word in utterance["words"]]
    said = told.words(speaker)
    same = difflib.SequenceMatcher(None, said, [w["text"] for w in heard], autojunk=False)
    found = {
        block.a + step: heard[block.b + step]
        for block in same.get_matching_blocks()
        for step in range(block.size)
    }
    assert len(found) >= 0.8 * len(said), f"{speaker}: {[w['text'] for w in heard]}"
    place = 0
    for line in told.lines:
        if line.speaker != speaker:
            continue
        words = line.text.split()
        last = place + len(words) - 1
        if place in found:
            off = found[place]["start_ms"] - (at + line.start_ms)
            assert abs(off) <= OFFSET_MS, f"{speaker}: {line.text!r} begins {off} ms off"
        for spoken in range(place, last + 1):
            if spoken in found:
                assert found[spoken]["start_ms"] >= at + line.start_ms - OFFSET_MS
                assert found[spoken]["end_ms"] <= at + line.end_ms + OFFSET_MS
        place = last + 1
    for utterance in utterances:
        assert utterance["start_ms"] == utterance["words"][0]["start_ms"]
        assert utterance["end_ms"] == utterance["words"][-1]["end_ms"]
    changes = (op for op in same.get_opcodes() if op[0] != "equal")
    return sum(max(b - a, d - c) for _, a, b, c, d in changes)


def begins(record: dict[str, Any], stream: StreamReport) -> int:
    """Where the conversation begins on the record's line."""
    (offset,) = {t["offset_ms"] for t in record["tracks"] if t["stream"] == stream.sid}
    assert stream.conversation_ms is not None
    return int(offset) + stream.conversation_ms


async def test_a_forwarded_call_word_by_word(served: Served) -> None:
    told = demo("bank")
    caller, agent = told.audio().parties
    report = await phone(served, CallScript(Party(ALICE, caller), others=(Party(BOB, agent),)))
    record = served.show(report.sid)
    assert record["call"]["status"] == "completed"
    assert record["dial"]["status"] == "completed"
    assert record["dial"]["to"] == BOB
    assert record["dial"]["leg"] == report.legs[0].sid
    (stream,) = report.all_streams()
    at = begins(record, stream)
    assert 0 < record["dial"]["answered_ms"] <= at
    who = [(p["leg"], p["speaker"], p["track"]) for p in record["participants"]]
    assert who == [
        (report.sid, "Alice Adams", "inbound"),
        (report.sid, "Callee", "outbound"),
    ]
    assert all(p["joined_ms"] <= at < p["left_ms"] for p in record["participants"])
    wrong = 0
    for speaker, name in (("caller", "Alice Adams"), ("agent", "Callee")):
        own = [u for u in record["utterances"] if u["speaker"] == name]
        assert {u["leg"] for u in own} == {report.sid}
        wrong += check_words(record, told, speaker, own, at)
    assert wrong <= WRONG_WORDS * sum(len(told.words(s)) for s in told.speakers)
    # Neither the ringing before nor anything after it became words.
    assert min(u["start_ms"] for u in record["utterances"]) >= at
    assert not record["gaps"]


async def test_five_people_in_a_conference_word_by_word(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = demo("meeting")
    people = [
        Party(f"+1500555001{place}", voice) for place, voice in enumerate(told.audio().parties)
    ]
    assert len(people) == 5
    with overheard(monkeypatch) as sent:
        report = await phone(
            served, CallScript(people[0], CONFERENCE, tuple(people[1:]), conference=True)
        )
    record = served.show(report.sid)
    sid = record["call"]["conference_sid"]
    assert sid.startswith("CF")
    assert served.show(sid) == record
    names = ["Alice Adams", *(p.number for p in people[1:])]
    streams = sorted(
        report.all_streams(), key=lambda s: begins(record, s) - (s.conversation_ms or 0)
    )
    assert len(streams) == 5
    at = [begins(record, stream) for stream in streams]
    assert max(at) - min(at) <= OFFSET_MS
    who = {p["leg"]: p for p in record["participants"]}
    assert len(who) == len(record["participants"]) == 5
    # Nobody's words depend on when and beside whom they came.
    offset = {t["stream"]: t["offset_ms"] for t in record["tracks"]}
    listener = Listener()
    for stream in streams:
        own = [u for u in record["utterances"] if u["leg"] == stream.call_sid]
        assert words(own) == listener.hear(sent[stream.sid], offset[stream.sid])["inbound"]
    listener.close()
    wrong = 0
    for stream in streams:
        person = who[stream.call_sid]
        place = names.index(person["speaker"])
        own = [u for u in record["utterances"] if u["leg"] == stream.call_sid]
        assert {u["speaker"] for u in own} == {person["speaker"]}
        assert {u["track"] for u in own} == {"inbound"}
        assert 0 <= person["joined_ms"] <= own[0]["start_ms"]
        assert own[-1]["end_ms"] <= person["left_ms"]
        wrong += check_words(record, told, told.speakers[place], own, begins(record, stream))
    assert wrong <= WRONG_WORDS_OF_FIVE * sum(len(told.words(s)) for s in told.speakers)
    # The line begins with the first leg's audio.
    assert min(t["offset_ms"] for t in record["tracks"]) == 0
    assert not record["gaps"]


@pytest.mark.parametrize("result", ["busy", "no-answer", "failed"])
async def test_nobody_takes_the_call_and_the_caller_leaves_a_message(
    served: Served, result: DialResult
) -> None:
    message = demo("greeting").audio().parties[0]
    caller = Party(ALICE, message)
    report = await phone(
        served, CallScript(caller, others=(Party(BOB, rings_s=1, result=result),)), speed=4
    )
    record = served.show(report.sid)
    dial = record["dial"]
    assert (dial["status"], dial["to"], dial["answered_ms"]) == (result, BOB, None)
    assert {p["speaker"] for p in record["participants"]} == {"Alice Adams"}
    assert {u["speaker"] for u in record["utterances"]} == {"Alice Adams"}
    heard = [w["text"] for u in record["utterances"] for w in u["words"]]
    assert difflib.SequenceMatcher(None, demo("greeting").words("greeting"), heard).ratio() > 0.8
