"""The newest stored events, from which a record that is lost is begun anew.

They are kept as they would be sent, in a third of the memory that the events themselves take.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec

from callscribe.events import TEXT, Published

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Published)


class Newest:
    """As many of them as fit, in order."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: how many are kept.
        """
        self._kept: deque[bytes] = deque(maxlen=most)

    def __iter__(self) -> Iterator[Published]:
        return map(_decoder.decode, self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, published: Published) -> None:
        """One more; the oldest makes room."""
        self._kept.append(_encoder.encode(published))

    def forget(self, call: str, *, everything: bool) -> None:
        """A call is deleted, or only its text."""
        named = call.encode()

        def stays(kept: bytes) -> bool:
            if named not in kept:  # spares reading it, nearly always
                return True
            event = _decoder.decode(kept).event
            return event.call != call or not (everything or isinstance(event, TEXT))

        left = [kept for kept in self._kept if stays(kept)]
        self._kept.clear()
        self._kept.extend(left)
