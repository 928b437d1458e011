"""How the program ends."""

from __future__ import annotations

import errno
import importlib
import re
import subprocess
import sys

import pytest
import typer

from callscribe.cli import COMMANDS, build_app, main


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nope"], 2, "No such command"),
        (["cals"], 2, "Did you mean 'calls'"),
        (["calls", "--nope"], 2, "No such option"),
        (["show"], 2, "give either a SID or --last"),
        (["calls", "--limit", "0"], 2, "greater than or equal to 1"),
        (["calls", "--data", "/nowhere/at/all"], 1, "callscribe: There is no folder"),
        (["pause", "CA\udc9b"], 1, "is not valid text in this terminal's encoding"),
        (["--\u202egone\x1b[31m\x9b1m"], 2, "No such option"),
        (["\u202egone\x1b[31m\x9b1m"], 2, "No such command"),
        (["calls", "--limit", "\u202e9\x1b[31m\x9b1m"], 2, "Invalid value"),
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
    said = capsys.readouterr().err
    assert message in said
    assert not re.search("[\x1b\x80-\x9f\u202e]", said)


@pytest.mark.parametrize("command", COMMANDS)
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
    assert all(f"\n  {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_summed_up_as_it_describes_itself(name: str) -> None:
    command = typer.main.get_group(build_app()).commands[name]
    assert command.get_short_help_str(200) == COMMANDS[name].summary


def test_no_command_is_missing_from_the_list() -> None:
    for module in {command.module for command in COMMANDS.values()}:
        app = typer.Typer()
        importlib.import_module(f"callscribe.cli.{module}").register(app)
        listed = {name for name, command in COMMANDS.items() if command.module == module}
        assert set(typer.main.get_group(app).commands) == listed


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a command line has imported when it is done."""
    code = """
import sys
from callscribe.cli import main
sys.argv[0] = "callscribe"
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("\\n--", *sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("--")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    loaded = loaded_by(*arguments)
    assert "callscribe.cli" in loaded
    heavy = {"numpy", "vosk", "sqlalchemy", "starlette", "uvicorn", "twilio", "httpx", "structlog"}
    assert not loaded & heavy
    assert {name for name in loaded if name.startswith("callscribe.cli.")} <= {
        "callscribe.cli.program"
    }


def test_only_the_named_command_is_imported() -> None:
    loaded = loaded_by("watch", "--help")
    assert "callscribe.cli.watch" in loaded
    assert not loaded & {"callscribe.cli.serve", "vosk", "sqlalchemy"}


@pytest.mark.parametrize("command", ["calls", "search", "show"])
def test_reading_the_record_imports_no_server(command: str) -> None:
    assert not loaded_by(command, "--help") & {"callscribe.server", "starlette", "uvicorn"}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_speaks_of_no_python_types(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["callscribe", command, "--help"])
    with pytest.raises(SystemExit):
        main()
    shown = capsys.readouterr().out
    assert not re.search(r"list\[|<str>|<int|<float|Optional", shown)
    assert "[[" not in shown
    assert "......" not in shown


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (MemoryError(), "enough memory"),
        (RuntimeError("can't start new thread"), "enough memory or threads.*ulimit -u"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Cannot allocate memory"),
        (RuntimeError("a fault of ours"), ""),
        (OSError(errno.EIO, "Input/output error", "file"), ""),
    ],
)
def test_a_lack_of_memory_is_explained_and_a_fault_of_ours_is_not_hidden(
    raised: Exception,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr("sys.argv", ["callscribe", "calls"])
    monkeypatch.setattr("callscribe.cli.check_arguments", fail)
    if not told:
        with pytest.raises(type(raised)):
            main()
        return
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 1
    assert re.search(told, capsys.readouterr().err)
