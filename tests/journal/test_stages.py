"""Stages in a row: order, holding back, failing. That nothing gets past one is shown in tests/e2e."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from callscribe.events import AnyEvent, CallEnded, FinalTranscript
from callscribe.journal.stages import Stage, Stages
from tests import said


class Sign(Stage):
    """Adds a letter to what is said."""

    def __init__(self, letter: str) -> None:
        self.name = self.letter = letter

    def take(self, event: AnyEvent) -> Iterable[AnyEvent]:
        if isinstance(event, FinalTranscript):
            event = msgspec.structs.replace(event, text=event.text + self.letter)
        return (event,)


class Hold(Stage):
    """Holds everything back until the call is over."""

    def __init__(self) -> None:
        self.held: list[AnyEvent] = []

    def take(self, event: AnyEvent) -> Iterable[AnyEvent]:
        self.held.append(event)
        return self.close() if isinstance(event, CallEnded) else ()

    def close(self) -> Iterable[AnyEvent]:
        held, self.held = self.held, []
        return held


class Broken(Stage):
    """Gives half of what it should, and then what it is told to."""

    def __init__(self, trouble: Any) -> None:
        self.trouble = trouble

    def take(self, event: AnyEvent) -> Iterable[AnyEvent]:
        yield event
        if isinstance(self.trouble, Exception):
            raise self.trouble
        yield self.trouble


def texts(events: Iterable[AnyEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, FinalTranscript)]


def test_without_stages_everything_passes_as_it_is() -> None:
    event = said.final("hello")
    (passed,) = Stages().through(event)
    assert passed is event
    assert Stages().close() == []


def test_each_sees_what_the_one_before_let_through() -> None:
    assert texts(Stages([Sign("a"), Sign("b")]).through(said.final("-"))) == ["-ab"]


def test_what_is_held_back_passes_the_later_stages_only() -> None:
    stages = Stages([Sign("a"), Hold(), Sign("b")])
    assert stages.through(said.final("-")) == []
    assert texts(stages.through(CallEnded(call="CA1"))) == ["-ab"]
    assert stages.through(said.final("+")) == []
    assert texts(stages.close()) == ["+ab"]


def test_a_stage_that_fails_lets_nothing_through() -> None:
    for trouble in (ValueError("hello"), "no event"):
        told: list[tuple[str, str, str]] = []
        stages = Stages(
            [Broken(trouble), Sign("b")], on_withheld=lambda *what, told=told: told.append(what)
        )
        assert stages.through(said.final("hello")) == []
        assert stages.withheld == 1
        assert told == [
            ("Broken", "FinalTranscript", "TypeError" if trouble == "no event" else "ValueError")
        ]
