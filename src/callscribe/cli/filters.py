"""Options that say which calls, alike for every command that takes several."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Optional

import typer

from callscribe.errors import CallscribeError
from callscribe.events import Direction, Flow
from callscribe.records import CallFilter
from callscribe.search.moments import in_utc

_OPTIONS: dict[str, Any] = {
    "person": Annotated[str, typer.Option("--person", help="Calls with a person of this name.")],
    "number": Annotated[
        str, typer.Option("--number", help="Calls with this phone number, in any format.")
    ],
    "tag": Annotated[
        Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option("--tag", help="Calls with this tag. Repeat it to require several."),
    ],
    "since": Annotated[
        str, typer.Option("--from", metavar="DATE", help="From this day or time on.")
    ],
    "until": Annotated[
        str, typer.Option("--to", metavar="DATE", help="Up to and including this day.")
    ],
    "longer": Annotated[
        int,
        typer.Option("--longer", metavar="SECONDS", min=0, help="Calls of this length or more."),
    ],
    "shorter": Annotated[
        int,
        typer.Option("--shorter", metavar="SECONDS", min=0, help="Calls of this length or less."),
    ],
    "direction": Annotated[
        Optional[Direction],  # noqa: UP045
        typer.Option("--direction", help="Incoming or outgoing calls."),
    ],
    "flow": Annotated[
        Optional[Flow],  # noqa: UP045
        typer.Option("--flow", help="Calls of this kind."),
    ],
    "missed": Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--missed/--answered", help="Calls nobody answered, or calls somebody answered."
        ),
    ],
}
_DEFAULTS: dict[str, Any] = {
    "person": "", "number": "", "tag": None, "since": "", "until": "", "longer": None, "shorter": None,
    "direction": None, "flow": None, "missed": None,
}  # fmt: skip


def with_filter(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; its parameter `wanted` is filled in with what they say.

    Raises:
        CallscribeError: a date makes no sense.
    """

    def wrapper(**arguments: Any) -> Any:
        given = {name: arguments.pop(name) for name in _OPTIONS}
        wanted = CallFilter(
            person=given["person"],
            number=given["number"],
            tags=tuple(given["tag"] or ()),
            since=moment(given["since"]) if given["since"] else "",
            until=moment(given["until"], end=True) if given["until"] else "",
            shortest_ms=None if given["longer"] is None else given["longer"] * 1000,
            longest_ms=None if given["shorter"] is None else given["shorter"] * 1000,
            direction=given["direction"],
            flow=given["flow"],
            missed=given["missed"],
        )
        return command(wanted=wanted, **arguments)

    own = [
        p
        for p in inspect.signature(command, eval_str=True).parameters.values()
        if p.name != "wanted"
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    made = [
        inspect.Parameter(name, keyword, default=_DEFAULTS[name], annotation=annotation)
        for name, annotation in _OPTIONS.items()
    ]
    parameters = [p.replace(kind=keyword) for p in own] + made
    wrapper.__name__ = command.__name__
    wrapper.__doc__ = command.__doc__
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
    return wrapper


def moment(given: str, *, end: bool = False) -> str:
    """A day or a moment that a person wrote, in UTC as events carry it.

    Args:
        given: `2026-01-15`, or with a time; in this machine's zone unless it names another.
        end: of a whole day, the moment after it.

    Raises:
        CallscribeError: it is neither.
    """
    try:
        return in_utc(given, zone=None, end=end)
    except ValueError:
        raise CallscribeError(
            f"{given!r} is not a date. Write it as 2026-01-15, or with a time: 2026-01-15T10:00."
        ) from None
