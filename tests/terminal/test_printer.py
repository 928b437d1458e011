from __future__ import annotations

import sys
from typing import TextIO, cast

import pytest

from callscribe.events import (
    CallEnded,
)
from callscribe.terminal import ViewClosed
from callscribe.terminal.region import Line, LiveRegion
from tests.terminal.made import A, final, partial, started
from tests.terminal.screen import Stage, Terminal


def test_resize_redraws_without_leaving_lines_behind() -> None:
    stage = Stage(100)
    long = "I would like to check the balance of my account please and then some"
    stage.play(started(), partial(long))
    for columns in (60, 40, 100, 72):
        stage.resize(columns, 24)
        lines = stage.lines()
        assert sum("I would like" in line for line in lines) == 1
        assert sum("●" in line for line in lines) == 1
    stage.play(final(long))
    assert sum("I would like" in line for line in stage.lines()) == 1


def test_the_cursor_is_given_back() -> None:
    stage = Stage()
    stage.play(started(), partial("half a"))
    assert stage.terminal.history.cursor.hidden
    stage.view.close()
    assert not stage.terminal.history.cursor.hidden
    assert not any("half a" in line for line in stage.lines())
    stage.view.close()


def test_log_lines_on_stderr_appear_above(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    monkeypatch.setattr(sys, "stderr", stage.terminal)
    with stage.view:
        stage.play(started(), partial("still speaking"))
        sys.stderr.write("a log line\n")
        sys.stderr.write("half")
        sys.stderr.write(" a line\n")
        lines = stage.lines()
        assert lines[1:3] == ["a log line", "half a line"]
        assert lines[3].endswith("still speaking")
    assert sys.stderr is stage.terminal


def test_after_a_stop_it_starts_below_what_others_wrote() -> None:
    stage = Stage()
    stage.play(started(), partial("speaking"))
    stage.terminal.write("\n\n[1]+ Stopped\n$ fg\n")
    stage.view.resume()
    text = stage.lines()
    assert any("Stopped" in line for line in text)
    assert text[-2].endswith("speaking")


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_plain_lines(environ: dict[str, str]) -> None:
    stage = Stage(40, environ=environ)
    long = "a sentence that is longer than forty columns by a good measure"
    stage.play(started(), partial("a sent"), final(long))
    stage.view.status("reconnecting")
    stage.play(CallEnded(call=A, duration_ms=3_000))
    assert "\x1b" not in stage.terminal.raw
    assert stage.terminal.raw.splitlines()[1] == f" 0:01  Caller  {long}"
    assert "a sent\n" not in stage.terminal.raw


def test_log_lines_after_the_view_is_closed_go_to_stderr() -> None:
    stage, other = Stage(), Stage()
    guarded = stage.view.guard(other.terminal)  # type: ignore[arg-type]
    stage.view.close()
    guarded.write("late\n")
    assert other.lines() == ["late"]


def test_a_terminal_that_is_gone_ends_the_view_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    stage.play(started())

    def gone(_: str) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(stage.terminal, "write", gone)
    stage.printer.write_above("a log line\n")
    stage.view.say("hello")
    with pytest.raises(ViewClosed):
        stage.view.flush()
    stage.view.flush()
    stage.view.close()


def test_a_line_that_the_terminal_takes_for_wider_leaves_nothing_behind() -> None:
    terminal = Terminal(40, 10)
    region = LiveRegion(cast(TextIO, terminal), lambda: 40, reflowing=True)
    for word in ("one", "two", "three"):
        region.paint("", [Line(word.ljust(50, "."), 39), Line("last", 4)])
    assert terminal.lines() == ["three".ljust(39, ".") + ".", "last"]
    region.paint("said\n", [])
    region.paint("x" * 45 + "\n", [])  # what stays is wrapped
    assert terminal.lines() == ["said", "x" * 40, "x" * 5]
