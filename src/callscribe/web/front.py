"""The way in for bytes: what a connection may cost before anyone knows whose it is.

uvicorn's protocols set no limit to the time or size of a request's head and body, nor to the number of connections.
Here they get them, by subclasses that only add limits; parsing stays httptools' and websockets' affair.

* A connection is **unknown** until a whole request has arrived, and again while it waits for the next one. Unknown
  connections have a deadline; when all places are taken, the one that has been unknown longest makes room. A webhook
  arrives whole within milliseconds of its connection, so it gets its place whatever else is held open.
* A connection is **known** while its request is being answered, and a socket once it was accepted, which needs a
  signature and a ticket. Known ones are never closed from here, except a peer that is silent: no pong, and nothing else
  either.
* When all places are taken and none is unknown, one that is being answered without a permission makes room, unless it
  is Twilio's: its signature was checked.
* Whoever does not read its answer is unknown again until it reads on, unless its request was permitted: a viewer may be
  slow. One that is permitted and has its whole answer under way keeps its connection while it goes on reading.

What is refused here is logged once a minute with a count.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import httptools
import structlog
import uvicorn
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from callscribe.carriers.texts import CHECKED, TEXTS
from callscribe.refusals import Refusals
from callscribe.web.beat import Beat
from callscribe.web.frames import FrameReader
from callscribe.web.grants import NOTHING, grant_of

log = structlog.get_logger(__name__)

OTHER_FILES = 256
"""Files that the process may need beside its connections: record, model, libraries; and those just accepted or
closing."""
ACCEPTED_AT_ONCE = 64
"""Connections that are accepted before the loop does something else."""
_PINGS_WITHIN_S = 10.0
WAITING = 1024
"""Connections that the kernel is asked to hold until they are accepted, at most (it may hold fewer)."""


@dataclass(frozen=True, slots=True)
class FrontLimits:
    """What a connection may do before it is known.

    The numbers have room: a request of Twilio's has about 1 kB of head and 2 kB of body, and proxies add a few hundred
    bytes.
    """

    connections: int = 1000
    """All of them together. A call has one socket, or one for each leg."""
    head_s: float = 10.0
    """From the connection, or a later request's first byte, to the end of the head."""
    body_s: float = 10.0
    """From there to the end of the body."""
    idle_s: float = 5.0
    """Between requests."""
    head_bytes: int = 32 * 1024
    headers: int = 100
    line_bytes: int = 8 * 1024
    """The longest header or address."""
    body_bytes: int = 128 * 1024
    """As they arrive, with the marks between chunks. Routes have lower limits of their own."""
    pipelined: int = 8
    """Requests that wait behind the one being answered on the same connection."""
    fragments: int = 256
    """Parts of one WebSocket message."""
    pings: int = 100
    """Pings and pongs of one WebSocket in ten seconds. Twilio and proxies send one now and then."""
    reading_s: float = 60.0
    """The same for one whose request was permitted. Long, because the kernel takes a slow reader's data in lumps."""
    unsent_s: float = 10.0
    """How long a connection that waits for its answer to be read may go without reading any of it."""


def connections_allowed(open_files: int) -> int:
    """How many connections fit when the process may have so many files open."""
    return max(32, min(FrontLimits().connections, max(open_files - OTHER_FILES, open_files // 2)))


def waiting_allowed(open_files: int) -> int:
    """How many may wait to be accepted. An event loop may accept all of them at one go, before any is closed."""
    return max(16, min(WAITING, (open_files - connections_allowed(open_files)) // 2))


class Connection(Protocol):
    """What the door knows of a connection."""

    transport: asyncio.Transport


class Door:
    """Counts the connections of one server, sets the unknown ones a deadline and makes room.

    Args:
        limits: see there.
    """

    TICK_S = 0.5

    def __init__(self, limits: FrontLimits) -> None:
        self.limits = limits
        self.refusals = Refusals()
        self._open: dict[Connection, None] = {}
        self._unknown: dict[Connection, float] = {}
        """With their deadlines in the loop's seconds; the one that has been unknown longest first."""
        self._ticking: asyncio.TimerHandle | None = None

    @property
    def open(self) -> int:
        return len(self._open)

    def came(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> bool:
        """A connection was accepted. False: there is no room for it, and it is being closed."""
        self._open[connection] = None
        self.unknown(connection, loop, self.limits.head_s)
        if len(self._open) <= self.limits.connections:
            return True
        oldest = next(iter(self._unknown))
        if oldest is connection:
            strangers = (one for one in self._open if getattr(one, "for_a_stranger", False))
            oldest = next(strangers, connection)
        self.refuse(
            oldest,
            "no-room",
            "Closed a connection that showed no token: all places are taken. Calls are not affected."
            if oldest is not connection
            else "Refused a connection: all places are taken by calls and viewers.",
        )
        return oldest is not connection

    def unknown(
        self, connection: Connection, loop: asyncio.AbstractEventLoop, within_s: float
    ) -> None:
        """Nobody knows whose it is; it has so long to show that."""
        if connection not in self._open:
            return
        self._unknown.pop(connection, None)
        self._unknown[connection] = loop.time() + within_s
        if self._ticking is None:
            self._ticking = loop.call_later(self.TICK_S, self._tick, loop)

    def sooner(self, connection: Connection, deadline: float) -> None:
        """Another deadline, in the loop's seconds, at its old place in the row: only whole requests earn a new one."""
        if connection in self._unknown:
            self._unknown[connection] = deadline

    def known(self, connection: Connection) -> None:
        """A whole request has arrived, or a socket was accepted."""
        self._unknown.pop(connection, None)

    def went(self, connection: Connection) -> None:
        self._open.pop(connection, None)
        self._unknown.pop(connection, None)

    def refuse(self, connection: Connection, kind: str, message: str) -> None:
        """Close it at once and count it."""
        self.note(kind, message)
        self._unknown.pop(connection, None)
        connection.transport.abort()

    def note(self, kind: str, message: str) -> None:
        """Log something of this kind, once a minute."""
        self.refusals.note(
            kind,
            lambda hidden: log.warning(message, **({"more_like_this": hidden} if hidden else {})),
        )

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ticking = None
        now = loop.time()
        for connection, deadline in list(self._unknown.items()):
            if deadline > now:
                continue
            if getattr(connection, "still_reads", None) and connection.still_reads():  # type: ignore[attr-defined]
                self._unknown[connection] = now + self.limits.reading_s
            elif getattr(connection, "waits_idle", False) or connection.transport.is_closing():
                self._unknown.pop(connection)
                connection.transport.abort()
            else:
                self.refuse(
                    connection,
                    "slow",
                    "Closed a connection whose request did not arrive in time.",
                )
        if self._unknown:
            self._ticking = loop.call_later(self.TICK_S, self._tick, loop)


class FrontConfig(uvicorn.Config):
    """uvicorn's configuration with the limits in force.

    Args:
        app: the ASGI application.
        limits: see there.
        **more: uvicorn's own.
    """

    def __init__(self, app: ASGIApp, *, limits: FrontLimits | None = None, **more: Any) -> None:
        self.door = Door(limits or FrontLimits())
        self.beat = Beat()
        super().__init__(
            _unmoved_by_leaving(app),
            http=HttpFront,
            ws=SocketFront,
            backlog=ACCEPTED_AT_ONCE,
            timeout_keep_alive=round(self.door.limits.idle_s),
            **more,
        )


def _unmoved_by_leaving(app: ASGIApp) -> ASGIApp:
    """Who sends half a request and leaves gets no answer, and is no fault of ours to log with a traceback."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(ClientDisconnect):
            await app(scope, receive, send)

    return wrapped


class _Forgiving:
    """A transport that takes what is written after its end, as asyncio's do; uvloop's raise, and the protocol is told
    of the end a moment later only."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if not self.is_closing():
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Refused(Exception):
    """Raised inside a parser's callback."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class HttpFront(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with limits."""

    config: FrontConfig

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, _Forgiving(transport)))
        self._door = self.config.door
        self._unsent = 0
        self._limits = self._door.limits
        self._in_head = self._in_body = False
        self._head_bytes = self._body_bytes = self._header_bytes = 0
        self._over = not self._door.came(self, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.went(self)
        super().connection_lost(exc)

    @property
    def waits_idle(self) -> bool:
        """Whether it is between requests, having had an answer: its end is nothing to tell."""
        return self.cycle is not None and not self._in_head and not self._in_body

    @property
    def _permitted(self) -> bool:
        """Whether the request being answered showed a token, or needed none."""
        return self.cycle is not None and grant_of(self.cycle.scope) is not NOTHING

    @property
    def for_a_stranger(self) -> bool:
        """Whether what is being answered is neither Twilio's, as far as is known by now, nor for somebody who is
        permitted."""
        if self.cycle is None:  # nor has it asked for anything yet
            return False
        return not self.cycle.scope.get(CHECKED) and not self._permitted

    def still_reads(self) -> bool:
        """Whether one that is permitted has read some of its answer since this was asked last."""
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        return self._permitted and self._unsent > 0 and self._unsent != before

    def pause_writing(self) -> None:
        super().pause_writing()
        if not self._permitted:
            self._door.unknown(self, self.loop, self._limits.unsent_s)

    def resume_writing(self) -> None:
        super().resume_writing()
        if (
            self.cycle is not None
            and not self.cycle.response_complete
            and not (self._in_head or self._in_body)
        ):
            self._door.known(self)

    def data_received(self, data: bytes) -> None:
        if self._over or self.parser is None:
            return
        self._unset_keepalive_if_required()
        try:
            # In pieces, so that no limit can be passed by more than a piece.
            for start in range(0, len(data), self._limits.head_bytes):
                piece = data[start : start + self._limits.head_bytes]
                self._fed = len(piece)
                self.parser.feed_data(piece)
                self._count(len(piece))
                if self._over or self.transport.is_closing():
                    return
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self._door.went(self)
                self._over = True
                self.handle_websocket_upgrade()
        except (httptools.HttpParserError, httptools.HttpParserInvalidURLError) as error:
            cause = error if isinstance(error, _Refused) else error.__context__
            if isinstance(cause, _Refused):
                self._refuse(cause.status, str(cause))
            else:
                self._refuse(400, "This is not an HTTP request.")
        except _Refused as refused:
            self._refuse(refused.status, str(refused))

    def _count(self, fed: int) -> None:
        """Size limits for what has arrived but is not complete."""
        if self._in_body:
            self._body_bytes += fed
            if self._body_bytes > self._limits.body_bytes:
                raise _Refused(413, "The request is too large.")
        else:  # also before a head's first line: empty lines are allowed there
            self._head_bytes += fed
            if self._head_bytes > self._limits.head_bytes:
                raise _Refused(431, "The request's head is too large.")

    def _refuse(self, status: int, message: str) -> None:
        """Answer, if nothing was answered yet, and close."""
        self._over = True
        self._door.note(f"http-{status}", f"Refused a request (HTTP {status}): {message}")
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started or self.pipeline:
                self._door.known(self)
                self.transport.abort()  # in the middle of another answer
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        text = f"{message}\n".encode()
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head % len(text) + text)
        self._close()

    def _close(self) -> None:
        """Close when the answer is sent; a peer that does not read it has some seconds."""
        self.transport.close()
        self._door.unknown(self, self.loop, self._limits.unsent_s)

    # Parser callbacks

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= self._limits.pipelined:
            raise _Refused(400, "Too many requests at once on one connection.")
        super().on_message_begin()
        self._in_head, self._in_body = True, False
        self._head_bytes = self._body_bytes = self._header_bytes = 0
        if self.cycle is not None:
            self._door.sooner(self, self.loop.time() + self._limits.head_s)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._limits.line_bytes:
            raise _Refused(414, "The request's address is too long.")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if (
            len(self.headers) >= self._limits.headers
            or self._header_bytes > self._limits.head_bytes
            or len(value) > self._limits.line_bytes
        ):
            raise _Refused(431, "The request has too many or too long headers.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        for name, value in self.headers:
            if (
                name == b"content-length"
                and value.isdigit()
                and int(value) > self._limits.body_bytes
            ):
                raise _Refused(413, "The request is too large.")
        self._door.sooner(self, self.loop.time() + self._limits.body_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._head_bytes = 0
        if self.cycle is not None and self.cycle.response_complete:
            self._idle()
        else:
            self._door.known(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._door.unknown(self, self.loop, self._limits.unsent_s)
        elif not self.pipeline and self.cycle.response_complete:
            if self._in_head or self._in_body:
                self._unset_keepalive_if_required()  # its deadline stands
            else:
                self._idle()

    def _idle(self) -> None:
        # A little later than uvicorn, which closes in a friendlier way.
        self._door.unknown(self, self.loop, self._limits.idle_s + 1)


class SocketFront(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, with limits, and with patience for a peer that talks but answers no pings.

    Once a socket is accepted, frames are found by `frames.FrameReader`, and an application that asks for it gets its
    texts by a plain call (`TEXTS` in the scope's extensions) and its socket read on the beat: a media message then
    costs a tenth of what it costs through uvicorn's queue.
    """

    config: FrontConfig

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._door = self.config.door
        self._heard_at = self.loop.time()
        self._reader: FrameReader | None = None
        self._early = False
        """The peer spoke before it was accepted: its frames are the library's."""
        self._take: Callable[[str | bytes], None] | None = None
        self._taker_failed: Callable[[Exception], None] | None = None
        self._pings, self._pings_since = 0, self._heard_at
        self._door.came(self, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.went(self)
        self.config.beat.leave(self)
        self._take = self._taker_failed = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if self._reader is None:
            self._early = self._early or self.handshake_initiated != self.handshake_complete
            if self._early or not self.handshake_complete:
                super().data_received(data)
                return
            self._reader = FrameReader(self.config.ws_max_size)
        for piece in self._reader.feed(data):
            if piece.text:
                self._text(piece.data)
            else:
                super().data_received(piece.data)
            if self.transport.is_closing():
                return

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[TEXTS] = {"take": self._take_texts}

    def _take_texts(
        self, take: Callable[[str | bytes], None], failed: Callable[[Exception], None]
    ) -> None:
        self._take, self._taker_failed = take, failed
        waiting: list[Any] = []
        while not self.queue.empty():
            waiting.append(self.queue.get_nowait())
        for message in waiting:
            text = message.get("text")
            if text is not None and self._take is not None:
                self._hand_on(self._take, text)
            else:
                self.queue.put_nowait(message)
        if self._take is not None:
            if self.read_paused:
                self.read_paused = False
                self.transport.resume_reading()
            if not self.transport.is_closing():
                self.config.beat.join(self)

    def send_receive_event_to_app(self) -> None:
        if self._take is None or self.close_sent or self.curr_msg_data_type != "text":
            super().send_receive_event_to_app()
            return
        # A text that the library has put together, of parts or of what came early.
        payload, self.frames = b"".join(self.frames), []
        self._text(payload)

    def _text(self, payload: bytes) -> None:
        take = self._take
        if take is None or self.close_sent:
            self.curr_msg_data_type = "text"
            self.frames = [payload]
            self.send_receive_event_to_app()
        elif payload.isascii():
            self._hand_on(take, payload)
        else:
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                self.conn.fail(1007)
                self.handle_parser_exception()
                return
            self._hand_on(take, text)

    def _hand_on(self, take: Callable[[str | bytes], None], text: str | bytes) -> None:
        try:
            take(text)
        except Exception as error:
            failed = self._taker_failed
            self._take = self._taker_failed = None
            self.config.beat.leave(self, read_on=True)
            if failed is not None:
                failed(error)

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._door.known(self)

    def handle_cont(self, event: Any) -> None:
        if len(self.frames) >= self.config.door.limits.fragments:
            self._door.refuse(self, "fragments", "Closed a socket: a message in too many parts.")
            return
        super().handle_cont(event)

    def handle_pong(self, event: Any) -> None:
        if self._may_ping():
            super().handle_pong(event)

    def _may_ping(self) -> bool:
        """Count a ping or pong. A message's costs are bounded by whoever takes it; these have no taker."""
        if self._heard_at - self._pings_since > _PINGS_WITHIN_S:
            self._pings, self._pings_since = 0, self._heard_at
        self._pings += 1
        if self._pings == self.config.door.limits.pings + 1:
            self._door.refuse(self, "pings", "Closed a socket: too many pings or pongs.")
        return self._pings <= self.config.door.limits.pings

    def handle_ping(self) -> None:
        if not self._may_ping():
            return
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # it does not read: one answer is enough for many pings (RFC 6455, 5.5.3)

    def keepalive_timeout(self) -> None:
        # Audio is as good a sign of life as a pong; while reading is paused nothing could be heard.
        if self._heard_at > self.ping_sent_at or self.read_paused:
            self.pong_timer = None
            self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()


def open_files() -> int:
    """Files and connections that this process has open; 0 where that cannot be known."""
    try:
        return sum(1 for _ in os.scandir("/proc/self/fd"))
    except OSError:
        return 0


def raise_file_limit(wanted: int = 4096) -> int:
    """Let the process open as many files as it is allowed to, `wanted` at most; returns how many it may open now."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    top = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft < top:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))
    return int(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
