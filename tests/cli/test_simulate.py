from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from callscribe.cli import simulate
from callscribe.errors import AudioError, SettingsError
from callscribe.simulator.frames import Faults
from callscribe.simulator.script import Move


def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    simulate.register(app)
    return app


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app(), ["simulate", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_the_first_argument_may_be_the_server() -> None:
    assert simulate.split_arguments([]) == (simulate.DEFAULT_URL, [])
    assert simulate.split_arguments(["a.wav", "b.wav"]) == (
        simulate.DEFAULT_URL,
        [Path("a.wav"), Path("b.wav")],
    )
    assert simulate.split_arguments(["https://x.example", "a.wav"]) == (
        "https://x.example",
        [Path("a.wav")],
    )
    for wrong in (["a.wav", "http://x"], ["http://x", "http://y"], ["ftp://x"]):
        with pytest.raises(SettingsError):
            simulate.split_arguments(wrong)


def test_stalls_and_moves() -> None:
    assert simulate.parse_stall("10:3") == (10, 3)
    assert simulate.parse_stall("") == (0, 0)
    with pytest.raises(SettingsError, match="10:3"):
        simulate.parse_stall("soon")
    moves = simulate.parse_moves(["2:leave@5", "2:return@8.5", "1:mute@1"], 3)
    assert moves == {2: (Move(5, "leave"), Move(8.5, "return")), 1: (Move(1, "mute"),)}
    for wrong in ("2:dance@5", "leave", "4:leave@1", "0:leave@1"):
        with pytest.raises(SettingsError):
            simulate.parse_moves([wrong], 3)


def test_every_call_has_its_own_caller() -> None:
    def callers(index: int, conference: bool) -> list[str]:
        script = simulate.make_script(
            [b"a", b"b"],
            index,
            moves={},
            from_="+15005550010",
            to="+15005550006",
            callee="+15005550020",
            conference=conference,
            result="answered",
            hangup_by="caller",
            faults=Faults(),
            webhook_times=1,
        )
        return [script.caller.number, *(p.number for p in script.others)]

    assert callers(0, False) == ["+15005550010", "+15005550020"]
    assert callers(3, False) == ["+15005550013", "+15005550020"]
    assert callers(1, True) == ["+15005550012", "+15005550013"]
    assert simulate.add_to_number("anonymous", 2) == "anonymous"


def test_wrong_use_says_what_to_do(tmp_path: Path) -> None:
    for arguments, says in (
        (["--dial", "maybe"], "answered, busy"),
        (["--big-frames", "30"], "multiple of 20"),
        (["--conference", "1"], "at least two"),
        (["--calls", "0"], "--rest"),
        (["--stall", "x"], "two numbers"),
    ):
        with pytest.raises(SettingsError, match=says):
            run(*arguments)
    with pytest.raises(AudioError, match="There is no audio file"):
        run(str(tmp_path / "none.wav"))


def test_no_server_is_explained_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.zeros(800), 8000)
    status, text = run("http://127.0.0.1:9", str(path), "--speed", "100", "--unsigned")
    assert status == 1
    assert "11205" in text
    assert "is the server running?" in text
    status, text = run("http://127.0.0.1:9", str(path), "--unsigned", "--json")
    assert status == 1
    report = json.loads(text)["calls"][0]
    assert report["status"] == "failed"
    assert report["from"] == "+15005550010"
    assert report["notifications"][0]["code"] == 11205


def test_every_option_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    command = typer.main.get_command(app()).commands["simulate"]  # type: ignore[attr-defined]
    options = {o for p in command.params for o in p.opts if o.startswith("--") and o != "--help"}
    assert len(options) > 30
    assert [option for option in sorted(options) if f"`{option}`" not in page] == []
