"""What goes wrong, as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

PREFIX = "/api/v1"
MEDIA_TYPE = "application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Every answer with a status from 400 on. Programs go by `type`, people read `detail`."""

    type: str
    """`urn:callscribe:problem:` and a short name, e.g. `urn:callscribe:problem:not-found`."""
    title: str
    """The status in words."""
    status: int
    detail: str
    """What was wrong, and what to do."""


class Problem(Exception):
    """Ends an operation with a problem.

    Args:
        status: from 400 on.
        name: short, for programs, e.g. `not-found`.
        detail: a sentence for people: what was wrong, and what to do.
    """

    def __init__(self, status: int, name: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.name = name


def problem_response(
    status: int, name: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer that tells of a problem."""
    details = ProblemDetails(
        type=f"urn:callscribe:problem:{name}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
    )
    return Response(
        msgspec.json.encode(details), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )
