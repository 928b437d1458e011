"""An endpoint of the API as a value: what it is called, what it takes and gives, and who may use it.

Its route and its part of the OpenAPI document are both made from it, so they cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callscribe.errors import CallscribeError, StoreError
from callscribe.web.api import ApiError, read_body
from callscribe.web.grants import Scope, grant_of
from callscribe.web.v1.problems import PREFIX, Problem, problem_response

MAX_BODY = 64 * 1024
"""Bytes of a request's body."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
PATH_PARAMETERS: dict[str, Any] = {
    "call": Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            description="The record's id, a call SID of any of its legs, its conference SID, or the beginning of one "
            "of these.",
        ),
    ],
    "call_sid": Annotated[
        str, Meta(pattern="^CA[0-9a-fA-F]{32}$", description="A call SID of the account.")
    ],
    "utterance": Annotated[
        str, Meta(min_length=1, max_length=200, description="An utterance of the call.")
    ],
    "number": Annotated[
        str,
        Meta(
            min_length=1,
            max_length=60,
            description="A phone number with + and country code; the + is written %2B.",
        ),
    ],
    "token": Annotated[str, Meta(min_length=1, max_length=60, description="The token's name.")],
}
"""What may stand in addresses, by its name in braces."""

Query = TypeVar("Query", bound=msgspec.Struct)
Body = TypeVar("Body")


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Query, Body]):
    """A request that has been checked."""

    path: Mapping[str, str]
    """What stands in the address, by its name in braces."""
    query: Query
    body: Body
    """None when the operation takes none."""
    request: Request


@dataclass(frozen=True, slots=True)
class Operation(Generic[Query, Body]):
    """One endpoint."""

    name: str
    """Its `operationId`, e.g. `list_calls`."""
    method: Method
    path: str
    """Below `/api/v1`, e.g. `/calls/{call}`."""
    summary: str
    """A sentence for people."""
    scope: Scope
    handle: Callable[[Asked[Query, Body]], Awaitable[object]]
    """Gives what `answer` says, or a `Response` of its own.

    Raises:
        Problem: it cannot be done.
        CallscribeError: likewise, with status 409.
    """
    answer: Any = None
    """The type of what it gives; None: nothing, or something that is not JSON."""
    query: type[Query] = Nothing  # type: ignore[assignment]
    """Parameters in the address. Fields that may be given several times are tuples."""
    body: type[Body] | None = None
    reads: int = 0
    """Most bytes of a body that the operation reads itself (`whole_body`), because it is large; 0: it gets it as
    `Asked.body`."""
    status: int = 200
    media: str = "application/json"
    """What it gives, when it is not JSON."""
    problems: tuple[int, ...] = ()
    """Statuses of problems beside those that every operation may have."""


def route(operation: Operation[Any, Any]) -> Route:
    """Where the operation is reached."""

    async def endpoint(request: Request) -> Response:
        try:
            grant = grant_of(request.scope)
            if not grant.allows(operation.scope):
                raise Problem(
                    403,
                    "scope-missing",
                    f"The token {grant.name!r} may not do this: it has no scope `{operation.scope}`.",
                )
            answer = await operation.handle(await _asked(operation, request))
        except Problem as problem:
            return problem_response(problem.status, problem.name, str(problem))
        except StoreError as error:
            return problem_response(503, "unavailable", str(error))
        except CallscribeError as error:
            return problem_response(409, "refused", str(error))
        if isinstance(answer, Response):
            return answer
        if operation.answer is None:
            return Response(status_code=204)
        return Response(
            msgspec.json.encode(answer),
            status_code=operation.status,
            media_type="application/json",
        )

    return Route(PREFIX + operation.path, endpoint, methods=[operation.method], name=operation.name)


async def _asked(operation: Operation[Any, Any], request: Request) -> Asked[Any, Any]:
    return Asked(
        path={name: _part(name, value) for name, value in request.path_params.items()},
        query=_query(operation.query, request),
        body=None
        if operation.body is None or operation.reads
        else await _body(operation.body, request),
        request=request,
    )


def _part(name: str, value: object) -> str:
    try:
        return msgspec.convert(value, PATH_PARAMETERS[name])  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise Problem(400, "bad-address", f"{name}: {error}.") from None


def _query(kind: type[msgspec.Struct], request: Request) -> msgspec.Struct:
    several = {
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if isinstance(field.default, tuple)
    }
    given: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        if name not in several and len(values) > 1:
            raise Problem(400, "bad-parameter", f"`{name}` is given {len(values)} times.")
        given[name] = values if name in several else values[0]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(400, "bad-parameter", _plain(error)) from None


async def whole_body(request: Request, most: int) -> bytes:
    """The body as it comes.

    Raises:
        Problem: it has more than `most` bytes.
    """
    try:
        return await read_body(request, limit=most)
    except ApiError as error:
        raise Problem(error.status, error.name, str(error)) from None


async def _body(kind: Any, request: Request) -> object:
    body = await whole_body(request, MAX_BODY)
    try:
        return msgspec.convert(_whole(msgspec.json.decode(body)), kind)
    except msgspec.ValidationError as error:
        raise Problem(422, "bad-body", _plain(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem(400, "bad-json", "The body is not JSON.") from None
    except RecursionError:
        raise Problem(400, "bad-json", "The body nests its values too deeply.") from None


def _whole(value: object) -> object:
    """The same with `2.0` as 2: JSON knows one kind of number, and JSON Schema calls both integers."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(item) for item in value]
        case dict():
            return {name: _whole(item) for name, item in value.items()}
        case _:
            return value


def _plain(error: msgspec.ValidationError) -> str:
    """msgspec's words, with the place first: "limit: Expected `int` >= 1"."""
    said, _, place = str(error).partition(" - at `$")
    name = re.sub(r"^\.|`$", "", place)
    return f"{name}: {said}." if name else f"{said}."
