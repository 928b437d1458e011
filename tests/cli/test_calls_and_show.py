"""`callscribe calls` and `callscribe show` as a person or a script calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callscribe.cli import main
from callscribe.events import (
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    GapDetected,
    ParticipantJoined,
    StreamStarted,
    Word,
)
from callscribe.store.opening import open_store

ALICE = "CA0123456789abcdef0123456789abcdef"
BOB = "CA0123456789ffffff0123456789ffffff"
ROOM = "CF0123456789abcdef0123456789abcdef"

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def run_(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["callscribe", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        return int(exit_.value.code or 0)

    return run_


def final(call: str, text: str, start_ms: int) -> FinalTranscript:
    return FinalTranscript(
        call=call,
        leg=call,
        track="inbound",
        speaker="Alice",
        utterance=f"u{start_ms}",
        revision=2,
        text=text,
        raw_text=text.lower(),
        start_ms=start_ms,
        end_ms=start_ms + 500,
        words=(Word(text=text.lower(), start_ms=start_ms, end_ms=start_ms + 500, confidence=0.9),),
    )


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A folder that a server has open."""
    store = open_store(tmp_path / "data")
    store.append(
        [
            CallStarted(
                call=ALICE, at="2026-01-15T10:00:50.000Z", from_="+15005550010", to="+15005550006"
            ),
            StreamStarted(call=ALICE, leg=ALICE, stream="MZ1", tracks=("inbound",)),
            ParticipantJoined(call=ALICE, leg=ALICE, speaker="Alice"),
            final(ALICE, "Second", 9000),
            final(ALICE, "First", 1000),
            GapDetected(
                call=ALICE, leg=ALICE, track="inbound", start_ms=1, end_ms=900, reason="missing"
            ),
            CallUpdated(call=ALICE, dial=Dial(status="busy", to="+15005550020")),
            CallEnded(call=ALICE, at="2026-01-15T10:01:32.000Z", duration_ms=42_000),
            CallStarted(call=BOB, at="2026-01-15T11:00:00.000Z", flow="conference", room="support"),
            CallUpdated(call=BOB, conference_sid=ROOM),
        ]
    )
    yield tmp_path / "data"
    store.close()


def test_the_list(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("calls", "--data", str(data)) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{ROOM}\t2026-01-15T11:00:00.000Z\tin-progress\t")
    assert second.startswith(f"{ALICE}\t2026-01-15T10:00:50.000Z\tcompleted\t+15005550010\t")
    assert second.endswith("\t42\t2\tFirst")
    assert run("calls", "--data", str(data), "--limit", "1") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_the_list_goes_on_after_a_call_and_takes_filters(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, found in (
        (["--limit", "1"], [BOB]),
        (["--after", BOB], [ALICE]),
        (["--after", ALICE], []),
        (["--number", "500 555 0010"], [ALICE]),
        (["--flow", "conference"], [BOB]),
        (["second"], [ALICE]),
        (["supp"], [BOB]),
        (["--to", "2026-01-15T10:30Z"], [ALICE]),
    ):
        assert run("calls", *options, "--data", str(data), "--json") == 0
        assert [call["id"] for call in json.loads(capsys.readouterr().out)] == found, options
    assert run("calls", "--after", "nonsense", "--data", str(data)) == 1
    assert "cursor" in capsys.readouterr().err
    assert run("calls", "nobody", "--data", str(data)) == 0
    assert capsys.readouterr().err == "No calls match.\n"


def test_the_last_call(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", "--last", "--json", "--data", str(data)) == 0
    assert json.loads(capsys.readouterr().out)["call"]["id"] == BOB
    assert run("show", "--data", str(data)) == 2
    assert run("show", BOB, "--last", "--data", str(data)) == 2


def test_the_list_as_json(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("calls", "--data", str(data), "--json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["sid"], first["id"], first["status"]) == (ROOM, BOB, "in-progress")
    assert (second["sid"], second["from"], second["ended_at"]) == (
        ALICE,
        "+15005550010",
        "2026-01-15T10:01:32.000Z",
    )


def test_a_call_as_json(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", ALICE, "--data", str(data), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    call = shown["call"]
    assert (call["sid"], call["from"], call["to"]) == (ALICE, "+15005550010", "+15005550006")
    assert (call["direction"], call["status"]) == ("inbound", "completed")
    assert (call["started_at"], call["ended_at"]) == (
        "2026-01-15T10:00:50.000Z",
        "2026-01-15T10:01:32.000Z",
    )
    assert [u["text"] for u in shown["utterances"]] == ["First", "Second"]
    utterance = shown["utterances"][0]
    assert utterance["type"] == "final"
    assert utterance["words"] == [
        {"text": "first", "start_ms": 1000, "end_ms": 1500, "confidence": 0.9}
    ]
    for field in ("call", "track", "utterance", "revision", "start_ms", "end_ms", "lag_ms", "leg"):
        assert field in utterance
    assert [(gap["start_ms"], gap["reason"]) for gap in shown["gaps"]] == [(1, "missing")]
    assert shown["tracks"][0]["track"] == "inbound"
    (participant,) = shown["participants"]
    assert (participant["speaker"], participant["joined_ms"], participant["left_ms"]) == (
        "Alice",
        0,
        42_000,
    )
    assert (shown["dial"]["status"], shown["dial"]["to"]) == ("busy", "+15005550020")
    assert shown["dial"]["answered_ms"] is None


def test_a_call_by_its_beginning_and_a_conference_by_its_sid(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", ALICE[:16], "--data", str(data)) == 0
    out = capsys.readouterr().out
    assert out.index("First") < out.index("Second")
    assert run("show", ALICE.lower(), "--data", str(data)) == 0
    assert capsys.readouterr().out == out
    assert run("show", f" {ALICE} ", "--data", str(data)) == 0
    assert capsys.readouterr().out == out
    assert run("show", ROOM, "--data", str(data), "--json") == 0
    assert json.loads(capsys.readouterr().out)["call"]["id"] == BOB


@pytest.mark.parametrize(
    ("sid", "message"),
    [
        ("CA0123456789", f"may be {BOB}, {ALICE}. Give more characters."),
        (ALICE[:-1] + "0", f"Did you mean {ALICE}? List them: callscribe calls --data"),
        ("CAnothing", "There is no call CAnothing in"),
        ("CA012", "`CA012` is too short: give at least 6 characters of the SID."),
    ],
)
def test_a_sid_that_is_none(
    run: Run, data: Path, capsys: pytest.CaptureFixture[str], sid: str, message: str
) -> None:
    assert run("show", sid, "--data", str(data)) == 1
    assert message in capsys.readouterr().err


def test_an_empty_record(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    open_store(tmp_path / "data").close()
    assert run("calls", "--data", "data") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "No calls in data yet" in err
    assert "callscribe simulate" in err
    assert run("calls", "--data", "data", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run("show", ALICE, "--data", "data") == 1
    assert "no calls are saved" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("calls",), ("show", ALICE)])
def test_no_record_at_all(
    run: Run, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    assert run(*command) == 1
    err = capsys.readouterr().err
    assert "There is no folder callscribe-data" in err
    assert "--data" in err
    assert "Traceback" not in err


def test_a_program_that_asks_where_no_record_is_gets_an_empty_list(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for data in ("nowhere", "empty"):
        assert run("calls", "--json", "--data", data) == 0
        out, err = capsys.readouterr()
        assert json.loads(out) == []
        assert "start the server to make one" in err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["calls"], ["show", ALICE], ["show", ALICE, "--json"]])
def test_a_full_disk_is_explained(data: Path, arguments: list[str]) -> None:
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "callscribe", *arguments, "--data", str(data)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == "callscribe: The output cannot be written: No space left on device.\n"


def test_a_terminal_that_knows_few_letters_shows_the_others_as_question_marks(data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "callscribe", "show", ALICE, "--data", str(data)],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "First" in done.stdout.decode("ascii")
