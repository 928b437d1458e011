"""The newest stored events, from which a record that is lost is begun anew.

They are kept packed and in blocks, in a tenth of the memory that the events themselves take.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from callscribe.events import TEXT, Published

_BLOCK: Final = 100
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Published])


class Newest:
    """As many of them as were asked for, and up to a block more, in order."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: how many are kept at least.
        """
        self._most = most
        self._blocks: deque[tuple[int, bytes]] = deque()
        """How many events each holds, and they."""
        self._fresh: list[Published] = []
        """The newest, fewer than a block."""
        self._count = 0

    def __iter__(self) -> Iterator[Published]:
        for _, block in self._blocks:
            yield from _decoder.decode(zlib.decompress(block))
        yield from self._fresh

    def __len__(self) -> int:
        return self._count

    def add(self, published: Published) -> None:
        """One more; the oldest make room."""
        self._fresh.append(published)
        self._count += 1
        if len(self._fresh) == _BLOCK:
            self._blocks.append(_packed(self._fresh))
            self._fresh = []
        if self._blocks and self._count - self._blocks[0][0] >= self._most:
            self._count -= self._blocks.popleft()[0]

    def forget(self, call: str, *, everything: bool) -> None:
        """A call is deleted, or only its text."""

        def stays(published: Published) -> bool:
            event = published.event
            return event.call != call or not (everything or isinstance(event, TEXT))

        blocks = list(self._blocks)
        self._blocks.clear()
        for count, block in blocks:
            raw = zlib.decompress(block)
            left = (count, block)
            if call.encode() in raw:  # few blocks have to be read
                left = _packed([each for each in _decoder.decode(raw) if stays(each)])
            if left[0]:
                self._blocks.append(left)
        self._fresh = [each for each in self._fresh if stays(each)]
        self._count = sum(count for count, _ in self._blocks) + len(self._fresh)


def _packed(events: list[Published]) -> tuple[int, bytes]:
    return len(events), zlib.compress(_encoder.encode(events), level=1)
