"""What every event passes before anybody knows of it: an ordered list of stages, none of them active by default.

A stage sees every event that the process publishes, partials, second readings and notices included, before the store,
the hub and every view and sender behind them. It may pass an event on, change it, hold it back or drop it. That makes
it the place for redaction, alerts and the like; docs/adding-a-stage.md shows one.

A stage that fails lets nothing through: what it was given is withheld, counted and logged without its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog

from callscribe.events import AnyEvent, Event


class Stage:
    """One step. Subclasses say what becomes of an event.

    Methods are called on the event loop, one at a time and in the order of the events. They must not block.
    """

    name = ""
    """For logs and notices; the class's name when empty."""

    def take(self, event: AnyEvent) -> Iterable[AnyEvent]:
        """What goes on in the place of this event: itself, a changed copy, nothing, or more than one.

        An event that is held back is remembered by the stage and goes on before or after a later one; those of a call
        should not be held beyond its `CallEnded`. Events are immutable: change with `msgspec.structs.replace`.
        """
        return (event,)

    def close(self) -> Iterable[AnyEvent]:
        """What is still held back. Called once, when nothing more comes."""
        return ()


class Stages:
    """The list.

    Args:
        stages: the first one sees events as they were made, each other one what the one before let through.
        on_withheld: told when a stage failed: its name, the type of the event and the type of the error. Nothing of
            the event's content, which nobody may know now.
    """

    def __init__(
        self,
        stages: Sequence[Stage] = (),
        *,
        on_withheld: Callable[[str, str, str], None] = lambda *_: None,
    ) -> None:
        self._stages = tuple(stages)
        self._on_withheld = on_withheld
        self._log = structlog.get_logger(__name__)
        self.withheld = 0
        """How many events were withheld because a stage failed on them."""

    def through(self, event: AnyEvent) -> list[AnyEvent]:
        """What becomes of an event, in order. Never raises."""
        return self._through(0, event)

    def close(self) -> list[AnyEvent]:
        """What the stages still hold back, each passing the stages after its own."""
        released: list[AnyEvent] = []
        for place, stage in enumerate(self._stages):
            for event in self._guarded(stage, "held event", stage.close):
                released += self._through(place + 1, event)
        return released

    def _through(self, place: int, event: AnyEvent) -> list[AnyEvent]:
        events = [event]
        for stage in self._stages[place:]:
            events = [
                passed
                for given in events
                for passed in self._guarded(stage, type(given).__name__, partial(stage.take, given))
            ]
        return events

    def _guarded(
        self, stage: Stage, kind: str, step: Callable[[], Iterable[AnyEvent]]
    ) -> list[AnyEvent]:
        """All that a step gives, or nothing: half of what a failing stage made may be the wrong half."""
        try:
            passed = list(step())
            if not all(isinstance(event, Event) for event in passed):
                raise TypeError("a stage gives events")
        except Exception as error:
            self.withheld += 1
            name, problem = stage.name or type(stage).__name__, type(error).__name__
            # Neither the error's text nor its traceback: both may hold what was said.
            self._log.error("event withheld: a stage failed", stage=name, type=kind, error=problem)
            self._on_withheld(name, kind, problem)
            return []
        return passed
