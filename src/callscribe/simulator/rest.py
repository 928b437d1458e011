"""The carrier's REST API, as a view of a simulated world: stateful, so what is written can be read back.

Calls and streams created here really ring, open sockets and play audio. Source: the carrier's OpenAPI description of
the API version 2010-04-01 and Twilio docs, "Call resource", "Streams subresource", "Conference resource",
"Participant resource", "IncomingPhoneNumber resource".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callscribe.simulator import resources, twiml
from callscribe.simulator.call import Call
from callscribe.simulator.conference import Conference, Participant
from callscribe.simulator.dialing import is_number
from callscribe.simulator.rest_forms import ApiError, Form, flag, number_matches, one, page, snake
from callscribe.simulator.script import CallbackPlan, VoiceUrl
from callscribe.simulator.world import PhoneNumber, World

VERSION = "/2010-04-01"


@dataclass(frozen=True)
class ApiRequest:
    """What a client asked."""

    method: str
    path: str
    form: tuple[tuple[str, str], ...]
    """Body of a POST, or the query."""
    authorization: str


@dataclass
class Failure:
    """What the next matching requests get instead of their answer."""

    status: int
    code: int
    message: str
    times: int
    path: str
    method: str
    retry_after: str


@dataclass
class RestApi:
    """The API of one world.

    Attributes:
        requests: everything that was asked, in order, also what failed.
    """

    world: World
    api_keys: dict[str, str] = field(default_factory=dict)
    """SK SID -> secret; beside the account's own SID and token."""
    requests: list[ApiRequest] = field(default_factory=list)
    _failures: list[Failure] = field(default_factory=list)

    def fail_next(
        self,
        status: int,
        code: int,
        message: str = "Simulated failure",
        *,
        times: int = 1,
        path: str = "",
        method: str = "",
        retry_after: str = "",
    ) -> None:
        """The next `times` requests whose path contains `path` fail like this.

        Args:
            retry_after: value of the header `Retry-After`; none when empty.
        """
        self._failures.append(Failure(status, code, message, times, path, method, retry_after))

    def too_many_requests(self, times: int = 1, *, path: str = "") -> None:
        """The next requests meet the rate limit (429, 20429)."""
        self.fail_next(429, 20429, "Too Many Requests", times=times, path=path)

    def app(self) -> Starlette:
        """The API as an ASGI application."""
        account = VERSION + "/Accounts/{account}"
        routes: list[tuple[str, str, Callable[[Request, Form], Awaitable[Response]]]] = [
            ("GET", ".json", self._account),
            ("GET", "/IncomingPhoneNumbers.json", self._list_numbers),
            ("GET", "/IncomingPhoneNumbers/{sid}.json", self._fetch_number),
            ("POST", "/IncomingPhoneNumbers/{sid}.json", self._update_number),
            ("GET", "/Calls.json", self._list_calls),
            ("POST", "/Calls.json", self._create_call),
            ("GET", "/Calls/{sid}.json", self._fetch_call),
            ("POST", "/Calls/{sid}.json", self._update_call),
            ("POST", "/Calls/{sid}/Streams.json", self._create_stream),
            ("POST", "/Calls/{sid}/Streams/{stream}.json", self._update_stream),
            ("GET", "/Conferences.json", self._list_conferences),
            ("GET", "/Conferences/{sid}.json", self._fetch_conference),
            ("POST", "/Conferences/{sid}.json", self._update_conference),
            ("GET", "/Conferences/{sid}/Participants.json", self._list_participants),
            ("POST", "/Conferences/{sid}/Participants.json", self._create_participant),
            ("GET", "/Conferences/{sid}/Participants/{key}.json", self._fetch_participant),
            ("POST", "/Conferences/{sid}/Participants/{key}.json", self._update_participant),
            ("DELETE", "/Conferences/{sid}/Participants/{key}.json", self._remove_participant),
        ]
        made = [Route(account + p, self._guarded(h), methods=[m]) for m, p, h in routes]
        lost = Route("/{path:path}", self._guarded(_unknown), methods=["GET", "POST", "DELETE"])
        return Starlette(routes=[*made, lost])

    def _guarded(
        self, handler: Callable[[Request, Form], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            source = request.url.query
            if request.method == "POST":
                source = (await request.body()).decode()
            pairs = parse_qsl(source, keep_blank_values=True)
            authorization = request.headers.get("authorization", "")
            self.requests.append(
                ApiRequest(request.method, request.url.path, tuple(pairs), authorization)
            )
            form: Form = {}
            for name, value in pairs:
                form.setdefault(name, []).append(value)
            try:
                self._authenticate(request, authorization)
                self._fail_if_told(request)
                return await handler(request, form)
            except ApiError as error:
                return JSONResponse(error.body(), error.status, error.headers)

        return endpoint

    def _authenticate(self, request: Request, authorization: str) -> None:
        scheme, _, encoded = authorization.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        known = {self.world.account_sid: self.world.auth_token, **self.api_keys}
        if scheme.lower() != "basic" or not user or known.get(user) != password:
            raise ApiError(401, 20003, "Authenticate")
        if request.path_params.get("account", self.world.account_sid) != self.world.account_sid:
            raise _not_found(request)

    def _fail_if_told(self, request: Request) -> None:
        for failure in self._failures:
            if failure.path in request.url.path and failure.method in ("", request.method):
                failure.times -= 1
                if failure.times <= 0:
                    self._failures.remove(failure)
                raise ApiError(
                    failure.status,
                    failure.code,
                    failure.message,
                    retry_after=failure.retry_after,
                )

    # Account and numbers.

    async def _account(self, request: Request, form: Form) -> Response:
        return JSONResponse(resources.account(self.world))

    async def _list_numbers(self, request: Request, form: Form) -> Response:
        wanted, name = one(form, "PhoneNumber"), one(form, "FriendlyName")
        found = [
            resources.number(self.world, n)
            for n in self.world.numbers.values()
            if (not wanted or number_matches(wanted, n.phone_number))
            and (not name or n.friendly_name == name)
        ]
        return JSONResponse(page(request.url.path, form, "incoming_phone_numbers", found))

    async def _fetch_number(self, request: Request, form: Form) -> Response:
        return JSONResponse(resources.number(self.world, self._number(request)))

    async def _update_number(self, request: Request, form: Form) -> Response:
        number = self._number(request)
        changes: dict[str, Any] = {}
        for name, values in form.items():
            value, attribute = values[-1], snake(name)
            if name in {"VoiceUrl", "VoiceFallbackUrl", "StatusCallback"}:
                if value and urlsplit(value).scheme not in {"http", "https"}:
                    raise ApiError(400, 21502, f"{name} is not valid: {value}")
            elif name in {"VoiceMethod", "VoiceFallbackMethod", "StatusCallbackMethod"}:
                if value not in {"GET", "POST"}:
                    raise ApiError(400, 21403, f"{name} is not valid: {value}")
            elif name == "VoiceApplicationSid":
                if value and not re.fullmatch("AP[0-9a-fA-F]{32}", value):
                    raise ApiError(400, 21218, f"{name} is not valid: {value}")
            elif name == "VoiceCallerIdLookup":
                changes[attribute] = value.lower() == "true"
                continue
            changes[attribute] = value
        for attribute, value in changes.items():
            if attribute in PhoneNumber.__dataclass_fields__:
                setattr(number, attribute, value)
            else:
                number.other[attribute] = value
        number.updated_at = self.world.clock.rfc2822()
        return JSONResponse(resources.number(self.world, number))

    def _number(self, request: Request) -> PhoneNumber:
        number = self.world.numbers.get(request.path_params["sid"])
        if number is None:
            raise _not_found(request)
        return number

    # Calls and streams.

    async def _list_calls(self, request: Request, form: Form) -> Response:
        filters = {
            "to": one(form, "To"),
            "from": one(form, "From"),
            "status": one(form, "Status"),
            "parent_call_sid": one(form, "ParentCallSid"),
        }
        newest_first = [resources.call(self.world, c) for c in reversed(self.world.calls.values())]
        found = [
            c
            for c in newest_first
            if all(not wanted or c[k] == wanted for k, wanted in filters.items())
        ]
        return JSONResponse(page(request.url.path, form, "calls", found))

    async def _create_call(self, request: Request, form: Form) -> Response:
        to, from_ = one(form, "To"), one(form, "From")
        if not to:
            raise ApiError(400, 21201, "No 'To' number is specified")
        if not is_number(to):
            raise ApiError(
                400, 21211, f"The phone number you are attempting to call, {to}, is not valid."
            )
        self._check_from(from_)
        call = self.world.place(
            to,
            from_,
            self._program(form, "Url"),
            callbacks=CallbackPlan(
                one(form, "StatusCallback"),
                one(form, "StatusCallbackMethod") or "POST",
                tuple(form.get("StatusCallbackEvent", ["completed"])),
            ),
            timeout_s=float(one(form, "Timeout") or 60),
        )
        return JSONResponse(resources.call(self.world, call), 201)

    async def _fetch_call(self, request: Request, form: Form) -> Response:
        return JSONResponse(resources.call(self.world, self._call(request)))

    async def _update_call(self, request: Request, form: Form) -> Response:
        call = self._call(request)
        status = one(form, "Status")
        redirecting = "Url" in form or "Twiml" in form
        if not call.live:
            what = "redirect" if redirecting else "update"
            raise ApiError(400, 21220, f"Call is not in-progress. Cannot {what}.")
        if status and status not in {"completed", "canceled"}:
            raise ApiError(400, 21218, f"Status is not valid: {status}")
        if status:
            call.hang_up("server", "canceled" if status == "canceled" else "completed")
            await call.over.wait()
        elif redirecting:
            if call.answered_ms is None:
                raise ApiError(400, 21220, "Call is not in-progress. Cannot redirect.")
            call.redirect(self._program(form, "Url"))
        if "StatusCallback" in form:
            call.callbacks = CallbackPlan(
                one(form, "StatusCallback"), one(form, "StatusCallbackMethod") or "POST"
            )
        return JSONResponse(resources.call(self.world, call))

    async def _create_stream(self, request: Request, form: Form) -> Response:
        call = self._call(request)
        if call.status != "in-progress":
            raise ApiError(400, 21220, "Call is not in-progress. Cannot start a stream.")
        url = one(form, "Url")
        if not url:
            raise ApiError(400, 20001, "Url is required.")
        track = one(form, "Track") or "inbound_track"
        if track not in {"inbound_track", "outbound_track", "both_tracks"}:
            raise ApiError(400, 31941, f"Track is not valid: {track}")
        parameters = []
        for index in range(1, 100):
            name = one(form, f"Parameter{index}.Name")
            if name:
                parameters.append((name, one(form, f"Parameter{index}.Value")))
        stream = call.start_stream(
            twiml.Stream(
                url,
                one(form, "Name"),
                track,  # type: ignore[arg-type]  # checked above
                one(form, "StatusCallback"),
                one(form, "StatusCallbackMethod") or "POST",
                tuple(parameters),
            )
        )
        if stream is None:
            refusal = call.report.notifications[-1]
            raise ApiError(400, refusal.code, refusal.message)
        return JSONResponse(resources.stream(self.world, stream))

    async def _update_stream(self, request: Request, form: Form) -> Response:
        call, key = self._call(request), request.path_params["stream"]
        found = [s for s in call.streams if key in {s.sid, s.name}]
        if not found:
            raise _not_found(request)
        if one(form, "Status") != "stopped":
            raise ApiError(400, 20001, "Status is not valid: only stopped is.")
        call.stop_stream(found[-1].sid)
        return JSONResponse(resources.stream(self.world, found[-1], stopped=True))

    def _call(self, request: Request) -> Call:
        call = self.world.calls.get(request.path_params["sid"])
        if call is None:
            raise _not_found(request)
        return call

    def _check_from(self, from_: str) -> None:
        if not is_number(from_):
            raise ApiError(400, 21212, f"The 'From' number {from_} is not a valid phone number.")
        if self.world.number(from_) is None:
            raise ApiError(
                400, 21210, f"The source phone number provided, {from_}, is not yet verified."
            )

    def _program(self, form: Form, name: str) -> VoiceUrl | twiml.Document:
        text, url = one(form, "Twiml"), one(form, name)
        if text:
            try:
                return twiml.parse(text, "")
            except twiml.TwimlError as error:
                raise ApiError(400, error.code, str(error)) from error
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ApiError(400, 21205, f"Url is not a valid URL: {url}")
        return VoiceUrl(
            url,
            one(form, "Method") or "POST",
            one(form, "FallbackUrl"),
            one(form, "FallbackMethod") or "POST",
        )

    # Conferences.

    async def _list_conferences(self, request: Request, form: Form) -> Response:
        status, name = one(form, "Status"), one(form, "FriendlyName")
        found = [
            resources.conference(self.world, c)
            for c in reversed(self.world.conferences.values())
            if (not status or c.status == status) and (not name or c.name == name)
        ]
        return JSONResponse(page(request.url.path, form, "conferences", found))

    async def _fetch_conference(self, request: Request, form: Form) -> Response:
        return JSONResponse(resources.conference(self.world, self._conference(request)))

    async def _update_conference(self, request: Request, form: Form) -> Response:
        conference = self._conference(request)
        status = one(form, "Status")
        if status and status != "completed":
            raise ApiError(400, 20001, f"Status is not valid: {status}")
        if status:
            conference.end("conference-ended-via-api")
        return JSONResponse(resources.conference(self.world, conference))

    async def _list_participants(self, request: Request, form: Form) -> Response:
        conference = self._conference(request)
        found = [
            resources.participant(self.world, conference, p)
            for p in conference.participants.values()
        ]
        for name in ("Muted", "Hold"):
            if wanted := one(form, name):
                found = [p for p in found if p[name.lower()] is (wanted.lower() == "true")]
        return JSONResponse(page(request.url.path, form, "participants", found))

    async def _create_participant(self, request: Request, form: Form) -> Response:
        to = one(form, "To")
        if not is_number(to):
            raise ApiError(
                400, 21211, f"The phone number you are attempting to call, {to}, is not valid."
            )
        self._check_from(one(form, "From"))
        key = request.path_params["sid"]
        live = [
            c
            for c in self.world.conferences.values()
            if key in {c.sid, c.name} and c.status != "completed"
        ]
        if not live and key.startswith("CF"):
            raise _not_found(request)
        events = form.get("ConferenceStatusCallbackEvent", [])
        spec = twiml.Conference(
            live[0].name if live else key,
            muted=flag(form, "Muted"),
            start_on_enter=flag(form, "StartConferenceOnEnter", True),
            end_on_exit=flag(form, "EndConferenceOnExit"),
            label=one(form, "Label"),
            beep=one(form, "Beep") or "true",
            wait_url=one(form, "WaitUrl") if "WaitUrl" in form else None,
            status_callback=one(form, "ConferenceStatusCallback"),
            status_callback_method=one(form, "ConferenceStatusCallbackMethod") or "POST",
            status_callback_events=tuple(word for event in events for word in event.split()),
        )
        room = self.world.room(spec.name, spec)
        call = self.world.invite(
            room,
            spec,
            to,
            one(form, "From"),
            callbacks=CallbackPlan(
                one(form, "StatusCallback"),
                one(form, "StatusCallbackMethod") or "POST",
                tuple(form.get("StatusCallbackEvent", ["completed"])),
            ),
            timeout_s=float(one(form, "Timeout") or 60),
        )
        return JSONResponse(resources.invited(self.world, room, spec, call), 201)

    async def _fetch_participant(self, request: Request, form: Form) -> Response:
        conference, participant = self._participant(request)
        return JSONResponse(resources.participant(self.world, conference, participant))

    async def _update_participant(self, request: Request, form: Form) -> Response:
        conference, participant = self._participant(request)
        if "Muted" in form:
            conference.set_muted(participant, flag(form, "Muted"))
        if "Hold" in form:
            conference.set_hold(participant, flag(form, "Hold"))
        if "EndConferenceOnExit" in form:
            participant.end_on_exit = flag(form, "EndConferenceOnExit")
            conference.modify(participant)
        return JSONResponse(resources.participant(self.world, conference, participant))

    async def _remove_participant(self, request: Request, form: Form) -> Response:
        conference, participant = self._participant(request)
        conference.remove(participant, "participant_updated_via_api")
        return Response(status_code=204)

    def _conference(self, request: Request) -> Conference:
        key = request.path_params["sid"]
        by_name = [c for c in self.world.conferences.values() if c.name == key]
        conference = self.world.conferences.get(key) or (by_name[-1] if by_name else None)
        if conference is None:
            raise _not_found(request)
        return conference

    def _participant(self, request: Request) -> tuple[Conference, Participant]:
        conference = self._conference(request)
        participant = conference.find(request.path_params["key"])
        if participant is None:
            raise _not_found(request)
        return conference, participant


async def _unknown(request: Request, form: Form) -> Response:
    raise _not_found(request)


def _not_found(request: Request) -> ApiError:
    return ApiError(404, 20404, f"The requested resource {request.url.path} was not found")
