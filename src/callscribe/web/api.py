"""The JSON interface: what the command line's `--json` prints, and what people may do to a call."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar, cast

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callscribe.errors import CallscribeError, NoSpeakerError, NotLiveError, StoreError
from callscribe.events import Track
from callscribe.names import fit, not_a_name
from callscribe.phone import is_number, normal
from callscribe.ranges import whole_number
from callscribe.records import CallRecord
from callscribe.web.services import CallControl, Services
from callscribe.web.steering import EndedError, steer

CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}")
MAX_BODY = 4096
MAX_LIST = 500

T = TypeVar("T")

Endpoint = Callable[[Request], Awaitable[Response]]


class Rename(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a rename: what to call the person heard on `track` of `leg`."""

    leg: str
    speaker: str
    track: Track = "inbound"


class Dial(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a request to place a call: whom to call, and whom to connect them with."""

    to: str
    connect: str = ""


class ApiError(Exception):
    """An answer that is not what was asked for."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.name = name


def error_response(error: ApiError) -> Response:
    """`{"error": name, "message": sentence}`."""
    return JSONResponse({"error": error.name, "message": str(error)}, status_code=error.status)


ErrorAnswers = Mapping[type[CallscribeError], tuple[int, str]]
"""Status and name of the answers to errors; the first that fits counts."""


def guarded(endpoint: Endpoint, answers: ErrorAnswers | None = None) -> Endpoint:
    """An endpoint that answers errors in JSON: its own, and `answers`. A store that fails is the app's affair."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            return error_response(error)
        except StoreError:
            raise
        except CallscribeError as error:
            for kind, (status, name) in (answers or {}).items():
                if isinstance(error, kind):
                    return error_response(ApiError(status, name, str(error)))
            raise

    return answer


_ANSWERS: ErrorAnswers = {
    EndedError: (409, "ended"),
    NotLiveError: (404, "not-found"),
    CallscribeError: (409, "refused"),
}


def api_routes(services: Services) -> list[Route]:
    control = cast(CallControl, services.registry)

    async def calls(request: Request) -> Response:
        """The newest calls first, as `callscribe calls --json` prints them."""
        given = request.query_params.get("limit", "100")
        limit = whole_number(given)
        if limit is None or not 1 <= limit <= MAX_LIST:
            raise ApiError(400, "bad-limit", f"`limit` must be a number from 1 to {MAX_LIST}.")
        before = request.query_params.get("before") or None
        found = await run_in_threadpool(services.store.calls, limit=limit, before=before)
        return json_response(found)

    async def call(request: Request) -> Response:
        """One call, as `callscribe show SID --json` prints it."""
        return json_response(await record(request))

    async def record(request: Request) -> CallRecord:
        sid = request.path_params["sid"]
        found = await run_in_threadpool(services.store.call, sid)
        if found is None:
            raise ApiError(404, "not-found", f"There is no call {sid}.")
        return found

    async def pause(request: Request) -> Response:
        await steer(services.store, request.path_params["sid"], control.pause)
        return json_response({"ok": True})

    async def resume(request: Request) -> Response:
        await steer(services.store, request.path_params["sid"], control.resume)
        return json_response({"ok": True})

    async def hangup(request: Request) -> Response:
        """End a call for everybody on it."""
        await steer(services.store, request.path_params["sid"], control.hang_up)
        return json_response({"ok": True})

    async def swap(request: Request) -> Response:
        await control.swap(request.path_params["sid"])
        return json_response({"ok": True})

    async def rename(request: Request) -> Response:
        """Also of a call that is over."""
        body = await read_json(request, Rename, "Send `leg`, `track` and `speaker` as JSON")
        speaker = fit(body.speaker)
        if why := not_a_name(body.speaker):
            raise ApiError(400, "bad-name", why)
        try:
            await control.rename(request.path_params["sid"], body.leg, body.track, speaker)
        except NoSpeakerError:
            raise ApiError(
                404, "not-found", "Nobody on this call has that leg and track."
            ) from None
        return json_response({"ok": True})

    async def dial(request: Request) -> Response:
        """Place a call. Answers with the record's id."""
        body = await read_json(request, Dial, "Send `to`, and `connect` if wanted, as JSON")
        for number in (body.to, *([body.connect] if body.connect else [])):
            if not is_number(number):
                raise ApiError(
                    400,
                    "bad-number",
                    f"Write {number[:40]!r} with + and country code: +15005550010.",
                )
        placed = await control.dial(normal(body.to), normal(body.connect))
        return json_response({"call": placed}, 201)

    async def attach(request: Request) -> Response:
        """Start transcribing a call of the account that is up. Answers with the record's id."""
        return json_response({"call": await control.attach(call_sid(request))}, 201)

    async def attachable(request: Request) -> Response:
        """Calls of the account that are up and not transcribed."""
        return json_response(
            [
                {"sid": c.leg, "from": c.from_, "to": c.to, "from_name": c.caller_name}
                for c in await control.attachable()
            ]
        )

    async def detach(request: Request) -> Response:
        await control.detach(call_sid(request))
        return json_response({"ok": True})

    def call_sid(request: Request) -> str:
        sid: str = request.path_params["sid"]
        if not CALL_SID.fullmatch(sid):
            raise ApiError(400, "bad-sid", "A call SID is CA and 32 hexadecimal digits.")
        return sid

    posts = {
        "pause": pause,
        "resume": resume,
        "swap": swap,
        "rename": rename,
        "attach": attach,
        "detach": detach,
        "hangup": hangup,
    }
    return [
        Route("/api/calls", guarded(calls, _ANSWERS)),
        Route("/api/calls", guarded(dial, _ANSWERS), methods=["POST"]),
        Route("/api/attachable", guarded(attachable, _ANSWERS)),
        Route("/api/calls/{sid}", guarded(call, _ANSWERS)),
        *(
            Route(f"/api/calls/{{sid}}/{name}", guarded(endpoint, _ANSWERS), methods=["POST"])
            for name, endpoint in posts.items()
        ),
    ]


def json_response(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


async def read_json(
    request: Request,
    kind: type[T],
    what: str = "The body is not what was expected",
    *,
    limit: int = MAX_BODY,
) -> T:
    """The body, from JSON.

    Args:
        what: to do, or what is wrong; the reason follows.

    Raises:
        ApiError: too large, not JSON, or of another form.
    """
    try:
        return msgspec.json.decode(await read_body(request, limit=limit), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(400, "bad-body", f"{what}: {error}.") from None
    except RecursionError:
        raise ApiError(400, "bad-body", f"{what}: it nests its values too deeply.") from None


async def read_body(request: Request, *, limit: int = MAX_BODY) -> bytes:
    """The whole body, refused past `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise ApiError(413, "too-large", f"The body may have at most {limit} bytes.")
    return bytes(body)
