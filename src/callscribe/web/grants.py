"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Scope = Literal["read", "control", "admin"]
"""`read`: see and hear everything; `control`: change calls, live and saved; `admin`: everything, tokens and deletion
included."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request may do."""

    name: str
    """The token's name; `page` for the token of the pages, `here` for this machine without one."""
    scopes: frozenset[Scope]

    def allows(self, scope: Scope) -> bool:
        """Whether an operation of this scope may be done."""
        return scope in self.scopes or "admin" in self.scopes


EVERYTHING: frozenset[Scope] = frozenset(SCOPES)
NOTHING = Grant("", frozenset())

_KEY = "callscribe.grant"


def grant_of(scope: Mapping[str, Any]) -> Grant:
    """The grant that the access rules gave to an ASGI request."""
    found = scope.get(_KEY)
    return found if isinstance(found, Grant) else NOTHING


def give(scope: Any, grant: Grant) -> None:
    """Note the grant in an ASGI request."""
    scope[_KEY] = grant
