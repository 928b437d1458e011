"""One media stream: the socket to the server and what goes down it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import math
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
)

from callscribe.simulator import params, signing, twiml
from callscribe.simulator.clock import WorldClock
from callscribe.simulator.frames import Due, Faults, MediaSchedule, TrackName
from callscribe.simulator.ids import Ids
from callscribe.simulator.params import CallFacts
from callscribe.simulator.report import CallReport, StreamReport
from callscribe.simulator.timeline import Line, silence
from callscribe.simulator.webhooks import Form, Target

OPEN_TIMEOUT_S = 10.0
BUFFER_LIMIT = 256 * 1024
"""Unsent bytes after which the carrier throws audio away (warning 31930); about eight seconds of both tracks."""


@dataclass(frozen=True)
class StreamContext:
    """What a stream needs of the world it is in."""

    clock: WorldClock
    ids: Ids
    callback: Callable[[CallReport, str, str, str, Form], None]
    """Sends a status callback in the background: report, what it is, method, URL, form."""
    target: Target
    auth_token: str
    bad_signature: bool = False
    slash_signature: bool = False
    continuous: bool = False
    """Send silence on the outbound track when nothing is played."""


class MediaStream:
    """Opens the socket, sends what is on the leg's lines in 20 ms messages, and ends as told.

    Args:
        inbound: what the leg's party says.
        outbound: what is played to the party.
        report: of the leg; the stream adds its own part to it.
    """

    def __init__(
        self,
        context: StreamContext,
        facts: CallFacts,
        stream: twiml.Stream,
        *,
        inbound: Line,
        outbound: Line,
        faults: Faults,
        report: CallReport,
    ) -> None:
        self.sid = context.ids.sid("MZ")
        self.name = stream.name or self.sid
        self.spec = stream
        self.facts = facts
        self.opened = asyncio.Event()
        """The socket is open, or will never be."""
        self.running = True
        self.start_ms = 0
        """World time of the stream's first slot."""
        self._context = context
        self._lines: dict[TrackName, Line] = {"inbound": inbound, "outbound": outbound}
        self._faults = faults
        self._call_report = report
        rng = context.ids.child()
        self._schedule = MediaSchedule(
            account_sid=facts.account_sid,
            call_sid=facts.call_sid,
            stream_sid=self.sid,
            tracks=stream.tracks,
            parameters=dict(stream.parameters),
            rng=rng,
            faults=faults,
            first_timestamp_ms=rng.randint(150, 171),
        )
        self.report = StreamReport(
            sid=self.sid,
            call_sid=facts.call_sid,
            url=stream.url,
            name=stream.name,
            first_timestamp_ms=self._schedule.first_timestamp_ms,
            tracks=self._schedule.counters,
        )
        report.streams.append(self.report)
        self._stop_at = math.inf
        self._cut_off = False
        self._gone = False

    def stop(self, at_ms: float) -> None:
        """The stream ends with the audio up to `at_ms`."""
        self._stop_at = min(self._stop_at, at_ms)

    def mark_conversation(self, at_ms: int) -> None:
        """Notes where the parties' recordings begin on this stream's line, once that line has begun."""
        if self.opened.is_set() and self.report.conversation_ms is None:
            self.report.conversation_ms = at_ms - self.start_ms + self.report.first_timestamp_ms

    async def run(self) -> None:
        """The stream's whole life, its status callbacks included. Never raises for what the server does."""
        try:
            socket = await self._open()
            if socket is None:
                self._callback("stream-error", self.report.ended)
                return
            self.report.connected = True
            self.start_ms = math.ceil(self._context.clock.now_ms())
            self.opened.set()
            self._callback("stream-started")
            try:
                await self._play(socket)
            finally:
                with contextlib.suppress(OSError, ConnectionClosed):
                    await socket.close()
            self._callback("stream-stopped")
        finally:
            self.running = False
            self.opened.set()

    # Opening.

    async def _open(self) -> ClientConnection | None:
        url = self._checked_url()
        if url is None:
            return None
        context = self._context
        headers: dict[str, str] = {}
        if context.auth_token:
            signed = signing.socket_url(url, slash=context.slash_signature)
            signature = signing.sign(context.auth_token, signed)
            headers["X-Twilio-Signature"] = (
                signing.spoil(signature) if context.bad_signature else signature
            )
        headers["Accept-Encoding"] = "gzip"
        where, tunnel = context.target.route(url)
        parts, real = urlsplit(url), urlsplit(where)
        # The address is the server's, the Host header the public one, as behind a tunnel.
        address = urlunsplit((real.scheme, parts.netloc, parts.path, "", ""))
        headers |= {name: value for name, value in tunnel.items() if name != "Host"}
        paced = context.clock.speed <= 1
        try:
            return await connect(
                address,
                host=real.hostname,
                port=real.port or (443 if real.scheme == "wss" else 80),
                additional_headers=headers,
                user_agent_header="Twilio.TmeWs/1.0",
                compression=None,
                open_timeout=OPEN_TIMEOUT_S,
                ping_interval=None,
                close_timeout=5,
                proxy=None,
                write_limit=16 * BUFFER_LIMIT if paced else BUFFER_LIMIT,
            )
        except InvalidStatus as error:
            self.report.http_status = error.response.status_code
            body = (error.response.body or b"").decode(errors="replace").strip()[:120]
            self._fail(
                31920,
                f"The server answered the stream's handshake with HTTP {error.response.status_code}, not 101"
                + (f" ({body})." if body else "."),
            )
        except TimeoutError:
            self._fail(31901, f"The stream got no answer within {OPEN_TIMEOUT_S:g} s.")
        except ssl.SSLError as error:
            self._fail(31910, f"TLS failed for the stream ({error}).")
        except (InvalidMessage, InvalidHandshake, InvalidURI) as error:
            self._fail(31920, f"The stream's handshake failed ({error}).")
        except OSError as error:
            self._fail(31902, f"The stream's connection was refused ({error}).")
        return None

    def _checked_url(self) -> str | None:
        parts = urlsplit(self.spec.url)
        if parts.scheme not in {"ws", "wss"} or not parts.hostname:
            self._fail(31922, f'The stream\'s URL must be wss, not "{self.spec.url}".')
            return None
        if parts.scheme == "ws" and not is_loopback(parts.hostname):
            self._fail(
                31922, "The stream's URL must be wss; plain ws is let pass on this machine only."
            )
            return None
        if parts.query:
            self._call_report.notify(
                31920,
                "The stream's URL has a query string, which Twilio drops; put it in the path.",
                self.spec.url,
                "warning",
            )
        return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", "", ""))

    def _fail(self, code: int, message: str) -> None:
        self._call_report.notify(code, message, self.spec.url)
        self.report.ended = f"Stream signal error, code: {code}"

    # Playing.

    async def _play(self, socket: ClientConnection) -> None:
        listener = asyncio.create_task(self._listen(socket))
        try:
            for message in self._schedule.opening():
                await socket.send(message)
            await self._media(socket)
        except ConnectionClosed:
            self._gone = True
        finally:
            self.running = False
            if not self._cut_off:
                await socket.close()
            await listener
        if self._gone:
            self._lost(socket)
        elif not self._cut_off:
            self.report.close_code = socket.close_code
            self.report.close_reason = socket.close_reason or ""

    async def _media(self, socket: ClientConnection) -> None:
        clock, length = self._context.clock, self._faults.frame_ms
        cut_at = self._faults.abrupt_close_at_s
        waiting: deque[Due] = deque()
        index = 0
        while self.start_ms + (index + 1) * length <= self._stop_at:
            heard_at = self.start_ms + (index + 1) * length
            while waiting and self.start_ms + waiting[0].at_ms <= heard_at:
                await clock.until(self.start_ms + waiting[0].at_ms)
                await self._send(socket, waiting.popleft().text)
            await clock.until(heard_at)
            late = (clock.now_ms() - heard_at) / clock.speed
            self.report.late_ms = max(self.report.late_ms, round(late))
            if heard_at > self._stop_at:
                break
            if cut_at is not None and heard_at - self.start_ms >= cut_at * 1000:
                self._cut(socket)
                return
            waiting.extend(self._schedule.slot(index, self._audio(index * length, length)))
            index += 1
            while waiting and waiting[0].at_ms <= heard_at - self.start_ms:
                await self._send(socket, waiting.popleft().text)
        if self._gone:
            return
        waiting.extend(self._schedule.closing(index))
        for due in waiting:
            await clock.until(self.start_ms + due.at_ms)
            await self._send(socket, due.text, always='"stop"' in due.text[:20])
        if self._faults.abrupt_close:
            self._cut(socket)
            return
        self.report.ended = "no stop" if self._faults.no_stop else "stop"

    def _audio(self, offset_ms: int, length_ms: int) -> dict[TrackName, bytes | None]:
        audio: dict[TrackName, bytes | None] = {}
        for track in self._schedule.tracks:
            frame = self._lines[track].frame(self.start_ms + offset_ms, length_ms)
            if frame is None and track == "outbound" and self._context.continuous:
                frame = silence(offset_ms, length_ms)
            audio[track] = frame
        return audio

    async def _send(self, socket: ClientConnection, text: str, *, always: bool = False) -> None:
        paced = self._context.clock.speed <= 1
        if paced and not always and socket.transport.get_write_buffer_size() > BUFFER_LIMIT:
            if not self.report.overflow:
                self._call_report.notify(
                    31930,
                    "The server does not read its socket fast enough; audio is being thrown away.",
                    self.spec.url,
                    "warning",
                )
            self.report.overflow += 1
            return
        await socket.send(text)

    def _cut(self, socket: ClientConnection) -> None:
        self._cut_off = True
        self.report.ended = "cut off"
        socket.transport.abort()

    async def _listen(self, socket: ClientConnection) -> None:
        said = False
        try:
            async for message in socket:
                if not said:
                    said = True
                    shown = message[:80]
                    self._call_report.notify(
                        31924,
                        f"The server sent a message on a stream that only listens: {shown!r}",
                        self.spec.url,
                    )
        except ConnectionClosed:
            pass  # told apart where it matters, at the sending side
        if self.running and not self._cut_off:
            # The server closed first; do not wait for the next frame to notice.
            self._gone = True
            self._stop_at = min(self._stop_at, self._context.clock.now_ms())

    def _lost(self, socket: ClientConnection) -> None:
        code, reason = socket.close_code, socket.close_reason or ""
        if code is None or code == 1006:
            self.report.ended = "a broken connection"
            self._call_report.notify(31903, "The stream's connection broke off.", self.spec.url)
            return
        self.report.ended = "the server, which closed the socket"
        self.report.close_code, self.report.close_reason = code, reason
        self._call_report.notify(
            31924 if code in {1002, 1003, 1007} else 31921,
            f"The server closed the stream's socket with code {code}"
            + (f": {reason}." if reason else "."),
            self.spec.url,
        )

    def _callback(self, event: str, error: str = "") -> None:
        if not self.spec.status_callback:
            return
        form = params.stream_status_params(
            self.facts,
            stream_sid=self.sid,
            name=self.spec.name,
            event=event,
            timestamp=self._context.clock.iso8601(),
            error=error,
        )
        self._context.callback(
            self._call_report,
            event,
            self.spec.status_callback_method,
            self.spec.status_callback,
            form,
        )


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
