"""`callscribe export` and `import`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callscribe.server import ADDRESS_FILE
from callscribe.store.opening import open_store
from tests.cli.test_calls_and_show import Run, run
from tests.cli.test_delete import data
from tests.exports.test_exports import CALL, EVENTS
from tests.web.serving import TOKEN, Serving

__all__ = ["data", "run"]


@pytest.fixture
def record(data: Path) -> Path:
    """Three calls."""
    with open_store(data) as store:
        store.append(EVENTS)
    return data


def test_one_call(
    run: Run, record: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run("export", CALL[:12], "--format", "srt", "--data", str(record)) == 0
    assert capfdbinary.readouterr().out.startswith(b"1\n00:00:01,000")
    out = tmp_path / "call.vtt"
    assert run("export", CALL, "-f", "vtt", "--out", str(out), "--data", str(record)) == 0
    assert out.read_text().startswith("WEBVTT")
    assert run("export", CALL, "--out", str(tmp_path), "--data", str(record)) == 0
    assert (tmp_path / f"2026-01-15-100050-{CALL}.txt").exists()
    assert not list(tmp_path.glob(".*.part"))


def test_several_calls_go_into_a_folder(
    run: Run, record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, count in (
        (["--search", "refund"], 2),
        (["--number", "+15005550010"], 2),
        (["--to", "2026-01-15"], 2),
        (["--search", "nothing"], 0),
    ):
        folder = tmp_path / "-".join(options).strip("-")
        assert run("export", *options, "--out", str(folder), "--data", str(record)) == 0
        assert len(list(folder.iterdir())) == count, options
    assert run("export", "--search", "refund", "--data", str(record)) == 1
    assert "--out" in capsys.readouterr().err
    assert run("export", "--data", str(record)) == 1
    assert run("export", CALL, "--format", "doc", "--data", str(record)) == 2


def test_there_and_back(
    run: Run, record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "call.json", str(tmp_path / "other")
    assert run("export", CALL, "-f", "json", "--out", str(out), "--data", str(record)) == 0
    assert run("import", str(out), "--data", other) == 0
    shown = []
    for folder in (str(record), other):
        capsys.readouterr()
        assert run("show", CALL, "--json", "--data", folder) == 0
        shown.append({**json.loads(capsys.readouterr().out), "cursor": 0})
    assert shown[0] == shown[1]
    assert run("import", str(out), "--data", other) == 0
    assert "is already here" in capsys.readouterr().err


def test_beside_a_server_its_pages_know_at_once(
    run: Run, record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    out, data = tmp_path / "call.json", tmp_path / "other"
    assert run("export", CALL, "-f", "json", "--out", str(out), "--data", str(record)) == 0
    monkeypatch.setenv("CALLSCRIBE_TOKEN", TOKEN)
    with Serving(data) as server:
        (data / ADDRESS_FILE).write_text(server.url)
        assert run("import", str(out), "--data", str(data)) == 0
        assert CALL in capsys.readouterr().out
        assert run("import", str(out), "--data", str(data)) == 0
        assert "is already here" in capsys.readouterr().err
        shown = []
        for folder in (record, data):
            assert run("show", CALL, "--json", "--data", str(folder)) == 0
            shown.append({**json.loads(capsys.readouterr().out), "cursor": 0})
        assert shown[0] == shown[1]
        again = tmp_path / "again.json"
        assert run("export", CALL, "-f", "json", "--out", str(again), "--data", str(data)) == 0
        assert again.read_bytes() == out.read_bytes()


def test_one_call_goes_into_a_folder_that_is_named_as_one(
    run: Run, record: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "new"
    assert run("export", CALL, "-f", "vtt", "--out", f"{folder}/", "--data", str(record)) == 0
    (file,) = folder.iterdir()
    assert file.suffix == ".vtt"


def test_nothing_is_imported_when_one_file_is_damaged(
    run: Run, record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / "call.json", tmp_path / "other"
    assert run("export", CALL, "-f", "json", "--out", str(out), "--data", str(record)) == 0
    (tmp_path / "bad.json").write_text("{}")
    assert run("import", str(out), str(tmp_path / "bad.json"), "--data", str(other)) == 1
    assert "not a call that callscribe exported" in capsys.readouterr().err
    assert not other.exists()
    assert run("import", str(tmp_path / "missing.json"), "--data", str(other)) == 1
