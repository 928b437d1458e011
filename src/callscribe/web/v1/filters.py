"""Which calls, as parameters of an operation."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from callscribe.events import Direction, Flow
from callscribe.records import CallFilter
from callscribe.web.api import ApiError
from callscribe.web.search import as_moment
from callscribe.web.v1.problems import Problem

Name = Annotated[str, Meta(max_length=200)]
Seconds = Annotated[int, Meta(ge=0, le=10**7)]
MOMENT = "A date or time (ISO 8601), in UTC unless it names a zone."


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which calls; everything that is given must hold."""

    person: Annotated[Name, Meta(description="A person of this name was on the call.")] = ""
    number: Annotated[
        Name, Meta(description="This phone number took part; any format will do.")
    ] = ""
    tag: Annotated[tuple[Name, ...], Meta(description="The call has all of these tags.")] = ()
    since: Annotated[Name, Meta(description=MOMENT)] = msgspec.field(name="from", default="")
    to: Annotated[Name, Meta(description=f"{MOMENT} A day is included.")] = ""
    longer: Annotated[Seconds, Meta(description="It lasted at least this many seconds.")] | None = (
        None
    )
    shorter: Annotated[Seconds, Meta(description="Or less.")] | None = None
    direction: Direction | None = None
    flow: Flow | None = None
    missed: Annotated[bool, Meta(description="The caller reached nobody.")] | None = None

    def calls(self, *, speaker: str = "", call: str = "") -> CallFilter:
        """The same as the store takes it.

        Raises:
            Problem: a moment is none.
        """
        return CallFilter(
            person=self.person,
            speaker=speaker,
            number=self.number,
            tags=tuple(tag for tag in self.tag if tag.strip()),
            since=moment(self.since, "from"),
            until=moment(self.to, "to", end=True),
            shortest_ms=None if self.longer is None else self.longer * 1000,
            longest_ms=None if self.shorter is None else self.shorter * 1000,
            direction=self.direction,
            flow=self.flow,
            missed=self.missed,
            call=call,
        )


def moment(given: str, name: str, *, end: bool = False) -> str:
    """A day or a moment in UTC.

    Raises:
        Problem: it is neither.
    """
    try:
        return as_moment(given, name, end=end)
    except ApiError as error:
        raise Problem(409, "bad-moment", str(error)) from None
