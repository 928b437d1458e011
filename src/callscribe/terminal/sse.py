"""Server-sent events from bytes to messages (WHATWG HTML, 9.2). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LINE_END = re.compile(rb"\r\n|\n|\r")
MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes; an utterance with all its words has a few thousand."""


@dataclass(frozen=True)
class Message:
    """One dispatched message."""

    data: str
    """Empty for a message that only sets the id."""
    event: str
    """`message` unless named."""
    id: str | None
    """Set by this very message; None when it had no id of its own."""


@dataclass
class SseParser:
    """Feed it bytes as they come, however they are cut."""

    _parts: list[bytes] = field(default_factory=list)
    """The line that is not over yet."""
    _after_cr: bool = False
    _data: list[str] = field(default_factory=list)
    _event: str = ""
    _id: str | None = None
    _size: int = 0

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that are complete now.

        Raises:
            ValueError: a message larger than `MAX_MESSAGE`, so this is no event stream of ours.
        """
        if self._after_cr and chunk:
            # A carriage return ended the line before; its line feed, if any, belongs to it.
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        self._after_cr = chunk.endswith(b"\r") or (self._after_cr and not chunk)
        self._size += len(chunk)
        if self._size > MAX_MESSAGE:
            raise ValueError("a message of the event stream is too large")
        first, *more = _LINE_END.split(chunk)
        self._parts.append(first)
        if not more:
            return []
        lines = [b"".join(self._parts), *more[:-1]]
        self._parts = [more[-1]]
        messages = []
        for line in lines:
            if line:
                self._field(line.decode("utf-8", "replace"))
            else:
                message = self._dispatch()
                if message is not None:
                    messages.append(message)
        return messages

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value

    def _dispatch(self) -> Message | None:
        data, event, id_ = self._data, self._event, self._id
        self._data, self._event, self._id, self._size = [], "", None, 0
        if not data and id_ is None:
            return None
        return Message("\n".join(data), event or "message", id_)
