"""WebSocket frames as media streams send them: whole, masked, short text messages, fifty a second and track.

A sans-I/O reader for an accepted socket. It opens such frames itself, many times quicker than a full implementation of
RFC 6455; every other frame - control frames, fragments, binary messages, broken ones - it hands on as it came.
"""

from __future__ import annotations

import msgspec

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiled part for this platform
    from websockets.utils import apply_mask

_FIN, _MASKED = 0x80, 0x80
_CONTINUATION, _TEXT, _BINARY = 0x0, 0x1, 0x2
_WHOLE_TEXT = _FIN | _TEXT


class Piece(msgspec.Struct, frozen=True, gc=False):
    """One frame."""

    text: bool
    """True: `data` is the payload of a whole text message. False: a whole frame of another kind, as it came."""
    data: bytes


class FrameReader:
    """Finds the frames in what a peer sends, however the network has cut it.

    Args:
        max_size: the longest payload in bytes. A longer frame is handed on as soon as its head is here.
    """

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._buffer = bytearray()
        self._fragments = False
        """Inside a message in fragments, no whole message may come."""
        self._broken = False
        """The peer broke the protocol: nothing after that is a frame."""

    def feed(self, data: bytes) -> list[Piece]:
        """The frames that are complete now, in order."""
        if self._buffer:
            self._buffer += data
            pieces, at = self._find(self._buffer)
            del self._buffer[:at]
        else:
            pieces, at = self._find(data)
            if at < len(data):
                self._buffer += data[at:]
        if self._broken and self._buffer:
            pieces.append(Piece(False, bytes(self._buffer)))
            self._buffer.clear()
        return pieces

    def _find(self, data: bytes | bytearray) -> tuple[list[Piece], int]:
        """The frames that are complete in `data`, and where what follows begins."""
        pieces: list[Piece] = []
        at, size = 0, len(data)
        while size - at >= 2 and not self._broken:
            first, second = data[at], data[at + 1]
            head, length = 6, second & 0x7F
            if length == 126:
                if size - at < 4:
                    break
                head, length = 8, (data[at + 2] << 8) | data[at + 3]
            elif length == 127:
                if size - at < 10:
                    break
                head, length = 14, int.from_bytes(data[at + 2 : at + 10], "big")
            if second < _MASKED or length > self._max_size:
                self._broken = True
                break
            begin = at + head
            end = begin + length
            if end > size:
                break
            if first == _WHOLE_TEXT and not self._fragments:
                pieces.append(Piece(True, apply_mask(data[begin:end], data[begin - 4 : begin])))
            else:
                self._note(first)
                pieces.append(Piece(False, bytes(data[at:end])))
            at = end
        return pieces, at

    def _note(self, first: int) -> None:
        opcode = first & 0x0F
        if opcode in {_TEXT, _BINARY, _CONTINUATION}:
            self._fragments = first < _FIN
