"""Twilio, as a server sees it: its requests, its media sockets, its REST API. Everything said is written down.

Drives the server's routes without a network, on a loop whose time jumps (`clockwork`), so that a call of an hour with
late, doubled and lost callbacks takes no time and is the same every time.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree.ElementTree import fromstring

import requests
from starlette.types import ASGIApp

from callscribe.events import AnyEvent, to_json
from tests.wire.clockwork import Clockwork

ORIGIN = "https://calls.example.test"
EPOCH = dt.datetime(2026, 1, 15, 10, 0, 0, tzinfo=dt.UTC)
FRAME_MS = 200
TICKET = re.compile(r"(/twilio/media/)[A-Za-z0-9_-]{16,}")

CALL, BOB_LEG, EVE_LEG, AGAIN_LEG = (f"CA{mark * 16}" for mark in ("a1", "b2", "c3", "d4"))
ROOM = "CF" + "e5" * 16
ALICE, BOB, EVE, OURS = "+15005550010", "+15005550020", "+15005550021", "+15005550006"
ACCOUNT = "AC" + "01" * 16


def normal(text: str) -> str:
    """Without what is random: tickets."""
    return TICKET.sub(r"\1<ticket>", text)


class Twilio:
    """One account's calls to one server."""

    def __init__(self, loop: Clockwork, app: ASGIApp) -> None:
        self.loop = loop
        self.app = app
        self.answers: list[str] = []
        self.sockets: list[str] = []
        self.requests: list[str] = []
        self.events: list[str] = []
        self.sessions: list[str] = []
        self.rest: Callable[[str, str, dict[str, str]], tuple[int, dict[str, Any]]] = _refuse
        """What its REST API answers to a request: method, path, form."""
        self.streams = 0

    # -- what is written down

    def _stamp(self) -> str:
        return f"{self.loop.now:9.3f}"

    def published(self, event: AnyEvent) -> None:
        """The server made an event known."""
        fields = {
            k: v for k, v in json.loads(to_json(event)).items() if v not in (None, "", False, [])
        }
        fields.pop("at", None)
        self.events.append(f"{self._stamp()} {json.dumps(fields)}")

    def treated(self, session: str, what: str) -> None:
        """The server did something to the audio of a stream."""
        self.sessions.append(f"{self._stamp()} {session} {what}")

    def asked(self, what: str, error: str = "") -> None:
        """Somebody asked the server for something."""
        self.answers.append(f"{self._stamp()} {what} -> {error or 'done'}")

    def log(self) -> str:
        """All of it. What happens to several streams in one moment has no order."""
        parts = {
            "answers": self.answers,
            "sockets": sorted(self.sockets),
            "requests": self.requests,
            "events": _in_order(self.events),
            "audio": sorted(self.sessions, key=lambda line: line.split()[:2]),
        }
        text = "".join(
            f"== {name}\n" + "".join(f"{x}\n" for x in lines) for name, lines in parts.items()
        )
        return normal(text)

    # -- time

    async def until(self, at_s: float) -> None:
        """Wait for a moment, in seconds since the beginning."""
        await asyncio.sleep(max(0.0, at_s - self.loop.now))

    def stamp(self, at_s: float | None = None) -> str:
        """A moment as call callbacks write it: whole seconds, cut off."""
        moment = EPOCH + dt.timedelta(seconds=int(self.loop.now if at_s is None else at_s))
        return moment.strftime("%a, %d %b %Y %H:%M:%S +0000")

    # -- requests

    async def post(self, path: str, form: Mapping[str, str]) -> str:
        """A webhook or callback; the answer's text."""
        body = urlencode(form).encode()
        status, kind, text = await self._http(path, body)
        what = form.get("StatusCallbackEvent") or form.get("StreamEvent") or form.get("CallStatus")
        about = (form.get("CallSid") or "")[:6]
        line = f"{self._stamp()} POST {path} {about} {what} -> {status} {kind} {text}"
        self.answers.append(line.rstrip())
        return text

    async def _http(self, path: str, body: bytes) -> tuple[int, str, str]:
        route, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "https",
            "path": route,
            "raw_path": route.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (b"host", b"calls.example.test"),
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"content-length", str(len(body)).encode()),
            ],
            "client": ("198.51.100.7", 40000),
            "server": ("calls.example.test", 443),
        }
        came = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[Any] = []

        async def receive() -> Any:
            if came:
                return came.pop()
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        headers = dict(sent[0]["headers"])
        text = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], headers.get(b"content-type", b"-").decode(), text.decode()

    async def voice(
        self, sid: str = CALL, *, from_: str = ALICE, to: str = OURS, query: str = "", **more: str
    ) -> str:
        """The voice request; the TwiML."""
        form = {
            "CallSid": sid,
            "AccountSid": ACCOUNT,
            "From": from_,
            "To": to,
            "CallStatus": "ringing",
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
        }
        return await self.post("/twilio/voice" + query, form | more)

    async def status(self, status: str, sid: str = CALL, **more: str) -> None:
        """The call's own status callback."""
        form = {"CallSid": sid, "CallStatus": status, "Timestamp": self.stamp()}
        await self.post("/twilio/status", form | more)

    async def leg(
        self, status: str, sid: str = BOB_LEG, to: str = BOB, at_s: float | None = None, **more: str
    ) -> None:
        """A dialled leg's status callback."""
        form = {
            "CallSid": sid,
            "ParentCallSid": CALL,
            "CallStatus": status,
            "To": to,
            "From": ALICE,
            "Direction": "outbound-dial",
            "Timestamp": self.stamp(at_s),
        }
        await self.post("/twilio/leg", form | more)

    async def dial(self, status: str, *, caller: str = "in-progress", **more: str) -> str:
        """The dial is over; the TwiML."""
        form = {
            "CallSid": CALL,
            "CallStatus": caller,
            "DialCallStatus": status,
            "DialCallSid": BOB_LEG,
        }
        return await self.post("/twilio/dial", form | more)

    async def room(self, event: str, sequence: int, sid: str = "", **more: str) -> None:
        """A conference's status callback."""
        form = {
            "ConferenceSid": ROOM,
            "FriendlyName": "support",
            "StatusCallbackEvent": event,
            "SequenceNumber": str(sequence),
            "Timestamp": self.stamp(),
            **({"CallSid": sid, "Muted": "false", "Hold": "false"} if sid else {}),
        }
        await self.post("/twilio/conference", form | more)

    # -- media

    def stream(self, twiml_or_url: str, sid: str = CALL, **more: Any) -> Stream:
        """The media socket that an answer, or a REST request, asked for."""
        url = twiml_or_url
        if url.startswith("<"):
            element = fromstring(url).find("Start/Stream")
            assert element is not None, twiml_or_url
            url = element.attrib["url"]
        self.streams += 1
        return Stream(self, url, sid, number=self.streams, **more)


def _in_order(events: Sequence[str]) -> list[str]:
    """Last words and ends of streams that close in one moment are put in the order of the streams."""
    ordered: list[str] = []
    run: list[tuple[str, str]] = []
    for line in (*events, ""):
        closing = re.search(r'"type": "(?:final|stream_ended)".*"(MZ\w+)', line)
        if run and (closing is None or line[:9] != run[0][1][:9]):
            ordered += [text for _, text in sorted(run, key=lambda item: item[0])]
            run = []
        if closing is not None:
            run.append((closing[1], line))
        elif line:
            ordered.append(line)
    return ordered


def _refuse(method: str, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
    return 404, {"code": 20404, "message": f"{path} was not found", "status": 404}


class Stream:
    """One media socket, from the first message to the last."""

    def __init__(
        self,
        twilio: Twilio,
        url: str,
        call: str,
        *,
        number: int,
        tracks: tuple[str, ...] = ("inbound", "outbound"),
    ) -> None:
        self._twilio = twilio
        self._path = urlsplit(url).path
        self._call = call
        self._tracks = tracks
        self.sid = f"MZ{number:032x}"
        self._to_server: asyncio.Queue[Any] = asyncio.Queue()
        self._opened_s = 0.0
        self._chunk = 0
        self.closed = asyncio.Event()
        """By the server."""
        self.accepted = False
        self._task: asyncio.Task[None] | None = None

    async def open(self, *, report: bool = True) -> None:
        """Connect, say `connected` and `start`; report it by the status callback too."""
        self._opened_s = self._twilio.loop.now
        self._task = asyncio.create_task(self._serve(self._scope()))
        start = {
            "accountSid": ACCOUNT,
            "streamSid": self.sid,
            "callSid": self._call,
            "tracks": list(self._tracks),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        }
        self.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        self.say({"event": "start", "streamSid": self.sid, "start": start})
        await asyncio.sleep(0.001)
        if report:
            await self.report("stream-started")

    def _scope(self) -> dict[str, Any]:
        self._to_server.put_nowait({"type": "websocket.connect"})
        return {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "wss",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"calls.example.test")],
            "client": ("198.51.100.7", 40001),
            "server": ("calls.example.test", 443),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }

    async def open_with(self, frames: Sequence[Mapping[str, Any]]) -> None:
        """Connect and say these messages instead, as they were recorded, then close."""
        self._opened_s = self._twilio.loop.now
        self._task = asyncio.create_task(self._serve(self._scope()))
        began = self._twilio.loop.now
        for frame in frames:
            at_ms = float(frame.get("media", {}).get("timestamp", 0))
            await self._twilio.until(began + at_ms / 1000)
            self.say(frame)
        await asyncio.sleep(0.01)
        await self.drop()

    async def report(self, event: str, at_s: float | None = None, **more: str) -> None:
        """The stream's status callback."""
        moment = EPOCH + dt.timedelta(seconds=self._opened_s if at_s is None else at_s)
        form = {
            "CallSid": self._call,
            "StreamSid": self.sid,
            "StreamName": "main",
            "StreamEvent": event,
            "Timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        await self._twilio.post("/twilio/stream", form | more)

    def say(self, message: Mapping[str, Any]) -> None:
        """A text frame."""
        text = json.dumps(message)
        self._to_server.put_nowait({"type": "websocket.receive", "text": text})

    async def talk(self, until_s: float) -> None:
        """Audio of all tracks in real time, up to a moment since the beginning, or until the server closes."""
        while self._twilio.loop.now < until_s - 1e-9 and not self.closed.is_set():
            step = min(FRAME_MS / 1000, until_s - self._twilio.loop.now)
            began = round((self._twilio.loop.now - self._opened_s) * 1000)
            self._chunk += 1
            payload = base64.b64encode(b"\xff" * round(step * 8000)).decode()
            for track in self._tracks:
                media = {
                    "track": track,
                    "chunk": str(self._chunk),
                    "timestamp": str(began),
                    "payload": payload,
                }
                self.say({"event": "media", "streamSid": self.sid, "media": media})
            await asyncio.sleep(step)

    def press(self, digit: str) -> None:
        """A key."""
        dtmf = {"track": "inbound_track", "digit": digit}
        self.say({"event": "dtmf", "streamSid": self.sid, "dtmf": dtmf})

    async def stop(self) -> None:
        """The stream is over in good order: `stop`, then the socket is closed."""
        stop = {"accountSid": ACCOUNT, "callSid": self._call}
        self.say({"event": "stop", "streamSid": self.sid, "stop": stop})
        await asyncio.sleep(0.01)
        await self.drop()

    async def drop(self) -> None:
        """The socket is gone, without a word."""
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await asyncio.sleep(0.001)

    async def _serve(self, scope: Any) -> None:
        async def send(message: Any) -> None:
            kind = message["type"].removeprefix("websocket.")
            if kind == "accept":
                self.accepted = True
            elif kind in ("close", "http.response.start"):
                why = message.get("code") or message.get("status")
                reason = message.get("reason", "")
                self._twilio.sockets.append(
                    f"{self._twilio._stamp()} {self.sid[-2:]} {self._call[:6]} -> {why} {reason}".rstrip()
                )
                self.closed.set()
                self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1000})

        await self._twilio.app(scope, self._to_server.get, send)


class Rest:
    """Takes the place of the network under the REST client."""

    def __init__(self, twilio: Callable[[], Twilio]) -> None:
        self._twilio = twilio

    def send(self, session: Any, request: requests.PreparedRequest, **options: Any) -> Any:
        """`requests.Session.send`."""
        twilio = self._twilio()
        assert request.url is not None
        assert request.method is not None
        url = urlsplit(request.url)
        body = request.body or ""
        text = body.decode() if isinstance(body, bytes) else str(body)
        form = dict(parse_qsl(text))
        said = normal(" ".join(f"{k}={v}" for k, v in parse_qsl(text)))
        status, answer = twilio.rest(request.method, url.path, form)
        where = url.path.removeprefix(f"/2010-04-01/Accounts/{ACCOUNT}")
        line = f"{twilio._stamp()} {request.method} {where} {said}".rstrip()
        twilio.requests.append(f"{line} -> {status}")
        response = requests.Response()
        response.status_code = status
        response._content = json.dumps(answer).encode()
        response.headers["Content-Type"] = "application/json"
        response.url = request.url
        response.request = request
        return response
