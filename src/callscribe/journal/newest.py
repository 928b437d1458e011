"""The newest stored events, from which a record that is lost is begun anew.

They are kept packed and in blocks, in a tenth of the memory that the events themselves take.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from callscribe.events import TEXT, Published

_BLOCK: Final = 100
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Published])


class _Block(NamedTuple):
    size: int
    calls: frozenset[str]
    """Whose events they are: few blocks have to be read when a call is forgotten."""
    packed: bytes


class Newest:
    """As many of them as were asked for, and up to a block more, in order."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: how many are kept at least.
        """
        self._most = most
        self._blocks: deque[_Block] = deque()
        self._fresh: list[Published] = []
        """The newest, fewer than a block."""
        self._count = 0

    def __iter__(self) -> Iterator[Published]:
        for block in self._blocks:
            yield from _unpacked(block)
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
        if self._blocks and self._count - self._blocks[0].size >= self._most:
            self._count -= self._blocks.popleft().size

    def forget(self, call: str, *, everything: bool) -> None:
        """A call is deleted, or only its text: a record that is begun anew must not bring it back."""

        def stays(published: Published) -> bool:
            event = published.event
            return event.call != call or not (everything or isinstance(event, TEXT))

        blocks = list(self._blocks)
        self._blocks.clear()
        for block in blocks:
            left = block
            if call in block.calls:
                left = _packed([each for each in _unpacked(block) if stays(each)])
            if left.size:
                self._blocks.append(left)
        self._fresh = [each for each in self._fresh if stays(each)]
        self._count = sum(block.size for block in self._blocks) + len(self._fresh)


def _packed(events: list[Published]) -> _Block:
    calls = frozenset(published.event.call for published in events)
    return _Block(len(events), calls, zlib.compress(_encoder.encode(events), level=1))


def _unpacked(block: _Block) -> list[Published]:
    return _decoder.decode(zlib.decompress(block.packed))
