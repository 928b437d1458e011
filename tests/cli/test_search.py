"""`callscribe search` as a person or a script calls it, beside a server that has the folder open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from callscribe.cli.filters import moment
from callscribe.errors import CallscribeError
from callscribe.events import CallStarted
from callscribe.store.opening import open_store
from tests.cli.test_calls_and_show import ALICE, BOB, Run, final, run

__all__ = ["run"]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    store = open_store(tmp_path / "data")
    store.append(
        [
            CallStarted(call=ALICE, at="2026-01-15T10:00:50.000Z", from_="+15005550010"),
            final(ALICE, "The refund went out", 9000),
            CallStarted(call=BOB, at="2026-01-16T10:00:50.000Z", from_="+15005550020"),
            final(BOB, "No refund at all", 1000),
        ]
    )
    yield tmp_path / "data"
    store.close()


def test_found_as_json(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("search", "refund", "--data", str(data), "--json") == 0
    page = json.loads(capsys.readouterr().out)
    assert [hit["call"] for hit in page["hits"]] == [BOB, ALICE]
    assert page["hits"][0]["snippet"][1] == {"text": "refund", "marked": True}
    assert page["cursor"] == ""
    assert run("search", "refund", "--data", str(data), "--json", "--limit", "1") == 0
    page = json.loads(capsys.readouterr().out)
    arguments = ["--limit", "1", "--cursor", page["cursor"]]
    assert run("search", "refund", "--data", str(data), "--json", *arguments) == 0
    assert [h["call"] for h in json.loads(capsys.readouterr().out)["hits"]] == [ALICE]


def test_found_as_lines(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("search", "refund", "went", "--data", str(data)) == 0
    assert capsys.readouterr().out == (
        f"{ALICE}\t2026-01-15T10:00:50.000Z\t9.0\tAlice\tThe refund went out\n"
    )


def test_filters(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, found in (
        (["--number", "500 555 0020"], [BOB]),
        (["--to", "2026-01-15T12:00Z"], [ALICE]),
        (["--from", "2026-01-16T00:00Z"], [BOB]),
        (["--person", "nobody"], []),
        (["--answered", "--direction", "inbound", "--flow", "answer"], [BOB, ALICE]),
    ):
        assert run("search", "refund", "--data", str(data), "--json", *options) == 0
        assert [h["call"] for h in json.loads(capsys.readouterr().out)["hits"]] == found, options


def test_nothing_found_and_nonsense(
    run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("search", "refnd", "--data", str(data)) == 0
    assert capsys.readouterr().err == "Nothing found. Did you mean: refund\n"
    assert run("search", "(refund", "--data", str(data)) == 1
    assert "bracket is not closed" in capsys.readouterr().err
    assert run("search", "refund", "--from", "yesterday", "--data", str(data)) == 1
    assert "'yesterday' is not a date" in capsys.readouterr().err
    assert run("search", "refund", "--by", "luck", "--data", str(data)) == 2
    assert run("search", "refund", "--data", str(tmp_path / "none"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["hits"] == []
    assert run("search", "refund", "--data", str(tmp_path / "none")) == 1


def test_days_and_moments() -> None:
    assert moment("2026-01-15T10:00:00+02:00") == "2026-01-15T08:00:00.000Z"
    start, end = moment("2026-01-15"), moment("2026-01-15", end=True)
    assert start < end
    assert moment("0001-01-01T00:00:00+23:00") == "0001-01-01T00:00:00.000Z"  # before all time
    for nonsense in ("", "soon", "2026-13-01"):
        with pytest.raises(CallscribeError):
            moment(nonsense)
