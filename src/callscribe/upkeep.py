"""What a running server does to its record on the side, a little at a time, so that no call has to wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from callscribe.errors import StoreError
from callscribe.store.base import Archive

_PIECE = 200
"""Utterances indexed at a time: some 50 ms in which nothing else is written."""
_PAUSE_S = 0.05


@contextlib.asynccontextmanager
async def keeping_up(archive: Archive) -> AsyncIterator[None]:
    """Do the upkeep while the server runs."""
    task = asyncio.create_task(index_all(archive), name="indexing")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def index_all(archive: Archive, *, pause_s: float = _PAUSE_S) -> None:
    """Index what an older version kept without an index. What is done stays done: the next start goes on from there."""
    log = structlog.get_logger(__name__)
    told = 0
    while True:
        try:
            left = await asyncio.to_thread(archive.index_more, _PIECE)
        except StoreError as error:
            log.error("indexing stopped until the next start", error=str(error))
            return
        if not left:
            if told:
                log.info("all utterances are indexed")
            return
        if not told or left < told / 2:
            log.info("indexing older utterances", left=left)
            told = left
        await asyncio.sleep(pause_s)
