"""What the server does on the side."""

from __future__ import annotations

from typing import cast

from callscribe.errors import StoreError
from callscribe.store.base import Archive
from callscribe.upkeep import index_all, keeping_up


class Indexing:
    def __init__(self, left: int, fails: bool = False) -> None:
        self.left = left
        self.fails = fails

    def index_more(self, limit: int = 500) -> int:
        if self.fails:
            raise StoreError("no")
        self.left = max(0, self.left - limit)
        return self.left


async def test_all_is_indexed_piece_by_piece() -> None:
    indexing = Indexing(1000)
    await index_all(cast(Archive, indexing), pause_s=0)
    assert indexing.left == 0


async def test_a_failing_store_is_left_alone() -> None:
    await index_all(cast(Archive, Indexing(1, fails=True)), pause_s=0)


async def test_it_ends_with_the_server() -> None:
    async with keeping_up(cast(Archive, Indexing(10**9))):
        pass
