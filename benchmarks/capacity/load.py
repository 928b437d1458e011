"""The load: many media streams in real time from one thread, as Twilio sends them.

Sockets are plain and frames are made by hand (a client's mask of zeros leaves the text as it is), so that one core can
feed a thousand streams.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import selectors
import socket
import struct
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.capacity.tape import FRAME, FRAME_S, Tape

FIRST_MS = 150
"""Timestamp of a stream's first frame; real streams begin at about this."""


@dataclass
class Stream:
    """One call's media stream."""

    number: int
    offset: int
    """The tape's frame it begins with."""
    tapes: tuple[Tape, ...]
    """Caller, and for two-way calls the agent."""
    call: str
    sid: str
    sock: socket.socket
    started: float = 0.0
    """Monotonic seconds at which its first frame began to be spoken."""
    sent: int = 0
    """Frames a track."""
    sequence: int = 1
    pending: bytearray = field(default_factory=bytearray)
    """What the socket did not take at once."""
    closed: bool = False


def _frame(text: bytes, opcode: int = 1) -> bytes:
    n = len(text)
    if n < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | n)
    elif n < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, n)
    else:
        raise ValueError("a media message is never this long")
    return head + b"\0\0\0\0" + text


class Load:
    """Opens streams at a server and speaks down all of them, 50 frames a second each.

    Args:
        port: of the server, on this machine.
        tapes: one for one-track streams, caller and agent for two-way calls.
        speed: so many times faster than people speak.
    """

    def __init__(self, port: int, tapes: tuple[Tape, ...], *, speed: float = 1.0) -> None:
        self._port = port
        self._frame_s = FRAME_S / speed
        self._tapes = tapes
        self._encoded = [
            [
                base64.b64encode(t.payload[i : i + FRAME]).decode()
                for i in range(0, len(t.payload), FRAME)
            ]
            for t in tapes
        ]
        self._selector = selectors.DefaultSelector()
        self.streams: list[Stream] = []
        self.late_s = 0.0
        """How late the load itself was at worst since last asked, seconds."""
        self.overflow = 0
        """Frames that a full socket did not take (the carrier would have thrown them away)."""

    def open(self, count: int) -> None:
        """Begin this many more streams, spread over one frame's time."""
        for _ in range(count):
            number = len(self.streams)
            self.streams.append(self._open(number))

    def run(self, seconds: float) -> None:
        """Speak for this long."""
        end = time.monotonic() + seconds
        next_read = 0.0
        while (now := time.monotonic()) < end:
            soonest = end
            for stream in self.streams:
                if stream.closed:
                    continue
                due = stream.started + (stream.sent + 1) * self._frame_s
                if due <= now:
                    self.late_s = max(self.late_s, now - due)
                    self._send_frame(stream)
                    due += self._frame_s
                soonest = min(soonest, due)
            if now >= next_read:
                self._read()
                next_read = now + 0.5
            wait = soonest - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, self._frame_s))

    @property
    def broken(self) -> int:
        """Streams whose sockets the server closed."""
        return sum(stream.closed for stream in self.streams)

    def close(self, count: int | None = None) -> None:
        """End the streams, or the first `count` of those still open, as a hang-up does."""
        for stream in [s for s in self.streams if not s.closed][:count]:
            stop = (
                f'{{"event":"stop","sequenceNumber":"{stream.sequence}","stop":{{"accountSid":"{_ACCOUNT}",'
                f'"callSid":"{stream.call}"}},"streamSid":"{stream.sid}"}}'
            )
            stream.sock.setblocking(True)
            stream.sock.settimeout(10)
            with contextlib.suppress(OSError):
                stream.sock.sendall(
                    bytes(stream.pending) + _frame(stop.encode()) + _frame(b"\x03\xe8", 8)
                )
            with contextlib.suppress(KeyError):
                self._selector.unregister(stream.sock)
            stream.closed = True
        for stream in self.streams:
            if stream.closed and stream.sock.fileno() >= 0:
                with contextlib.suppress(OSError):
                    while stream.sock.recv(65536):
                        pass
                stream.sock.close()

    def _open(self, number: int) -> Stream:
        call, sid = f"CA{number:032x}", f"MZ{number:032x}"
        form = {
            "CallSid": call, "AccountSid": _ACCOUNT, "From": f"+1500555{number % 10_000:04d}", "To": "+15005550006",
            "CallStatus": "ringing", "ApiVersion": "2010-04-01", "Direction": "inbound",
        }  # fmt: skip
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}/twilio/voice", urllib.parse.urlencode(form).encode()
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = re.search(r'url="(ws[^"]+)"', answer.read().decode())
        if found is None:
            raise SystemExit("The server's answer to the webhook names no stream.")
        path = urllib.parse.urlsplit(found[1]).path
        sock = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            piece = sock.recv(4096)
            if not piece:
                break
            head += piece
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise SystemExit(f"The server refused the stream: {head[:200]!r}")
        tracks: list[Literal["inbound", "outbound"]] = ["inbound", "outbound"]
        names = ",".join(f'"{t}"' for t in tracks[: len(self._tapes)])
        sock.sendall(
            _frame(b'{"event":"connected","protocol":"Call","version":"1.0.0"}')
            + _frame(
                f'{{"event":"start","sequenceNumber":"1","start":{{"accountSid":"{_ACCOUNT}","streamSid":"{sid}",'
                f'"callSid":"{call}","tracks":[{names}],"mediaFormat":{{"encoding":"audio/x-mulaw",'
                f'"sampleRate":8000,"channels":1}},"customParameters":{{}}}},"streamSid":"{sid}"}}'.encode()
            )
        )
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, number)
        frames = len(self._encoded[0])
        stagger = (number * 7 % 20) / 1000
        return Stream(
            number, number * 1861 % frames, self._tapes, call, sid, sock, time.monotonic() + stagger
        )

    def _send_frame(self, stream: Stream) -> None:
        at = (stream.offset + stream.sent) % len(self._encoded[0])
        timestamp = FIRST_MS + stream.sent * 20
        data = b""
        for track, encoded in zip(("inbound", "outbound"), self._encoded, strict=False):
            stream.sequence += 1
            text = (
                f'{{"event":"media","sequenceNumber":"{stream.sequence}","media":{{"track":"{track}",'
                f'"chunk":"{stream.sent + 1}","timestamp":"{timestamp}","payload":"{encoded[at]}"}},'
                f'"streamSid":"{stream.sid}"}}'
            )
            data += _frame(text.encode())
        stream.sent += 1
        if stream.pending:
            if len(stream.pending) > 256 * 1024:
                self.overflow += 1
            else:
                stream.pending += data
            data = bytes(stream.pending)
            stream.pending.clear()
        try:
            taken = stream.sock.send(data)
        except BlockingIOError:
            taken = 0
        except OSError:
            stream.closed = True
            return
        if taken < len(data):
            stream.pending += data[taken:]

    def _read(self) -> None:
        """Answer pings; whatever else a server says to a stream that only listens is thrown away."""
        for key, _ in self._selector.select(0):
            stream = self.streams[key.data]
            try:
                said = stream.sock.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                said = b""
            if not said:
                stream.closed = True
                self._selector.unregister(stream.sock)
                continue
            if said[0] == 0x89:
                stream.pending += _frame(said[2 : 2 + said[1]], 10)


_ACCOUNT = "AC" + "0" * 32
