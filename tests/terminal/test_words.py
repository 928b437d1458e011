from __future__ import annotations

from callscribe.events import (
    Token,
)
from tests.terminal.made import final, partial, started
from tests.terminal.screen import Stage


def test_settled_words_are_plain_and_undecided_ones_dim() -> None:
    stage = Stage()
    stage.play(started(), partial("yes of course", settled=4))
    assert not stage.terminal.is_dim("yes")
    assert stage.terminal.is_dim("of course")


def test_fillers_are_dim_or_left_out() -> None:
    tokens = (
        Token("Well,", 0, 1),
        Token("uh", 1, 2, filler=True),
        Token("yes", 2, 3),
    )
    dim = Stage()
    dim.play(started(), final("Well, uh yes", tokens=tokens))
    assert dim.terminal.is_dim("uh")
    assert not dim.terminal.is_dim("yes")
    kept = Stage(fillers="keep")
    kept.play(started(), final("Well, uh yes", tokens=tokens))
    assert not kept.terminal.is_dim("uh")
    without = Stage(fillers="hide")
    without.play(started(), final("Well, uh yes", tokens=tokens))
    assert "Well, yes" in "\n".join(without.lines())


def test_raw_shows_the_recognisers_words() -> None:
    stage = Stage(raw=True)
    stage.play(started(), final("The Balance"))
    assert any("the balance" in line for line in stage.lines())
