"""`callscribe delete`, beside a server and without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.events import AnyEvent, CallEnded, CallStarted, to_json
from callscribe.journal import spill
from callscribe.server import ADDRESS_FILE
from callscribe.speech.waiting import FOLDER
from callscribe.store.opening import open_store
from tests.cli.test_calls_and_show import ALICE, BOB, Run, final, run
from tests.web.serving import TOKEN, Serving

__all__ = ["run"]

EVENTS: list[AnyEvent] = [
    CallStarted(call=ALICE, at="2026-01-15T10:00:50.000Z", from_="+15005550010"),
    final(ALICE, "The refund went out", 9000),
    CallEnded(call=ALICE, at="2026-01-15T10:05:00.000Z"),
    CallStarted(call=BOB, at="2026-01-16T10:00:50.000Z", from_="+15005550020"),
    final(BOB, "No refund at all", 1000),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with open_store(tmp_path / "data") as store:
        store.append([*EVENTS, CallEnded(call=BOB, at="2026-01-16T10:05:00.000Z")])
    return tmp_path / "data"


def left(data: Path) -> list[str]:
    with open_store(data, read_only=True) as store:
        return [call.id for call in store.calls()]


@pytest.mark.parametrize(
    ("options", "stays"),
    [
        ([ALICE[:20]], [BOB]),
        (["--number", "500 555 0020"], [ALICE]),
        (["--before", "2026-01-16T00:00Z"], [BOB]),
        (["--number", "500 555 0020", "--before", "2026-01-16T00:00Z"], [BOB, ALICE]),
        (["--before", "2027-01-01"], []),
    ],
)
def test_without_a_server(run: Run, data: Path, options: list[str], stays: list[str]) -> None:
    assert run("delete", *options, "--yes", "--data", str(data)) == 0
    assert left(data) == stays


def test_it_asks_first(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("delete", ALICE, "--data", str(data)) == 1
    assert "Confirm with --yes" in capsys.readouterr().err
    assert run("delete", "--data", str(data)) == 2
    assert run("delete", ALICE, "--number", "1234", "--data", str(data)) == 2
    assert run("delete", "--number", "x", "--yes", "--data", str(data)) == 1
    assert run("delete", "CA_nobody", "--yes", "--data", str(data)) == 1
    assert left(data) == [BOB, ALICE]


def test_beside_a_server(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    with Serving(data) as server:
        server.publish(*EVENTS)
        (data / ADDRESS_FILE).write_text(server.url)
        (data / "token").write_text(TOKEN)
        assert run("delete", ALICE, "--yes", "--data", str(data)) == 0
        assert left(data) == [BOB]
        assert run("delete", BOB, "--yes", "--data", str(data)) == 1
        assert "still in progress" in capsys.readouterr().err
        server.publish(CallEnded(call=BOB, at="2026-01-16T10:05:00.000Z"))
        assert run("delete", "--number", "+15005550020", "--yes", "--data", str(data)) == 0
        assert left(data) == []
        (data / ADDRESS_FILE).unlink()
        assert run("delete", "--before", "2030-01-01", "--yes", "--data", str(data)) == 1
        assert "already writing" in capsys.readouterr().err


def test_what_a_dead_server_left_beside_the_record_goes_too(run: Run, data: Path) -> None:
    """Words that it could not write, and sound of a stream that waited for room."""
    word, sound = "xylotrapezium", bytes(range(0x31, 0x71)) * 4
    spilled = data / f"unwritten-{spill.key_of(data)}-1.jsonl"
    spilled.write_bytes(
        b"".join(to_json(final(call, f"A {word} {call}", 20_000)) + b"\n" for call in (ALICE, BOB))
    )
    waiting = data / FOLDER / ALICE
    waiting.mkdir(parents=True)
    (waiting / "MZ1.fed").write_bytes(sound)
    assert run("delete", ALICE, "--yes", "--data", str(data)) == 0
    with open_store(data) as server:  # the next one
        spill.take_in(server, [data], spill.key_of(data))
    assert left(data) == [BOB]
    found = [file for file in data.rglob("*") if file.is_file()]
    assert not [file for file in found if f"{word} {ALICE}".encode() in file.read_bytes()]
    assert not [file for file in found if sound in file.read_bytes()]
    with open_store(data, read_only=True) as store:
        record = store.call(BOB)
    assert record is not None
    assert word in record.utterances[-1].text
