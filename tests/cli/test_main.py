"""How the program ends."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from callscribe.cli import build_app, main, needed


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nope"], 2, "No such command"),
        (["calls", "--nope"], 2, "No such option"),
        (["show"], 2, "Missing argument"),
        (["calls", "--limit", "0"], 2, "greater than or equal to 1"),
        (["calls", "--data", "/nowhere/at/all"], 1, "callscribe: There is no folder"),
    ],
)
def test_mistakes_are_explained(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["callscribe", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == status
    assert message in capsys.readouterr().err


NAMES = sorted(typer.main.get_group(build_app()).commands)


@pytest.mark.parametrize("command", NAMES)
def test_a_command_alone_is_called_as_among_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setattr("sys.argv", ["callscribe", command, "--help"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 0
    assert f" {command} [OPTIONS]" in capsys.readouterr().out


def test_help_names_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["callscribe", "--help"])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().out
    assert all(f"\n  {command} " in shown for command in NAMES)


@pytest.mark.parametrize("command", NAMES)
def test_one_module_is_enough_for_a_command(command: str) -> None:
    assert len(needed([command])) == 1


def test_only_the_named_command_is_imported() -> None:
    code = "import sys; from callscribe.cli import build_app, needed; build_app(needed(['watch'])); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "callscribe.cli.watch" in loaded
    assert not loaded & {"callscribe.cli.serve", "vosk", "sqlalchemy"}
