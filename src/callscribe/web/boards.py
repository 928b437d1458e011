"""The boards that are in use, and who feeds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.concurrency import run_in_threadpool

from callscribe.errors import AudioError
from callscribe.journal.follow import JournalFollower
from callscribe.web.callboard import CallBoard
from callscribe.web.drawing import Drawing
from callscribe.web.listboard import ListBoard
from callscribe.web.services import Services

LINGER_S = 60.0
"""A call's board is kept this long after its last viewer: pages are opened, left and come back."""


async def find(services: Services, sid: str) -> str | None:
    """The record that a SID in an address means, in the store or not yet there.

    Raises:
        StoreError: the record cannot be read.
    """
    found = await run_in_threadpool(services.store.matching, sid)
    if not found and services.hub.unstored(sid):
        return sid
    return found[0] if len(found) == 1 else None


class _Kept:
    """A board with whoever feeds it."""

    def __init__(self, board: Any) -> None:
        self.board = board
        self.ready = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.viewers = 0
        self.task: asyncio.Task[None] | None = None
        self.rest: asyncio.TimerHandle | None = None

    @property
    def is_good(self) -> bool:
        """Whether it is still fed."""
        running = self.loop is asyncio.get_running_loop()
        return running and self.task is not None and not self.task.done()


class Boards:
    """The boards that are in use, made when a page first asks for one."""

    def __init__(self, services: Services, drawing: Drawing) -> None:
        self._services = services
        self._drawing = drawing
        self._kept: dict[str, _Kept] = {}
        """By record id; the list under the empty one."""

    @contextmanager
    def _held(self, key: str, make: Callable[[], _Kept]) -> Iterator[_Kept]:
        kept = self._kept.get(key)
        if kept is None or not kept.is_good:
            kept = self._kept[key] = make()
        kept.viewers += 1
        if kept.rest is not None:
            kept.rest.cancel()
            kept.rest = None
        try:
            yield kept
        finally:
            kept.viewers -= 1
            if not kept.viewers:
                kept.rest = kept.loop.call_later(LINGER_S, self._let_go, key, kept)

    def read_anew(self) -> None:
        """Names of numbers have changed, and with them those on calls that are over: whoever looks gets new boards.

        May be called from any thread.
        """
        for kept in [*self._kept.values()]:
            kept.loop.call_soon_threadsafe(self._drop, kept)

    @staticmethod
    def _drop(kept: _Kept) -> None:
        live = isinstance(kept.board, CallBoard) and not kept.board.transcript.is_over
        if kept.task is not None and not live:
            kept.task.cancel()

    def _let_go(self, key: str, kept: _Kept) -> None:
        if kept.viewers:
            return
        if self._kept.get(key) is kept:
            del self._kept[key]
        if kept.task is not None:
            kept.task.cancel()

    @contextmanager
    def call(self, call: str) -> Iterator[_Kept]:
        """A call's board, for as long as it is looked at. Wait for `ready`.

        Args:
            call: the record's id; it must exist.
        """

        def make() -> _Kept:
            kept = _Kept(CallBoard(call, self._drawing))
            kept.task = asyncio.create_task(self._feed_call(kept, call), name=f"board {call}")
            return kept

        with self._held(call, make) as kept:
            yield kept

    @contextmanager
    def list(self) -> Iterator[_Kept]:
        """The board of the list of calls."""

        def make() -> _Kept:
            kept = _Kept(ListBoard(self._services, self._drawing))
            kept.task = asyncio.create_task(self._feed_list(kept), name="board of calls")
            return kept

        with self._held("", make) as kept:
            yield kept

    async def _feed_call(self, kept: _Kept, call: str) -> None:
        board: CallBoard = kept.board
        resyncs = 0
        services = self._services
        try:
            with JournalFollower(services.store, services.hub, after=0, call=call) as follower:
                while batch := await follower.batch():
                    missed, resyncs = follower.resyncs > resyncs, follower.resyncs
                    if services.rereads is not None and services.rereads(call):
                        board.transcript.await_second_reading()
                    board.apply([published.event for published in batch], missed=missed)
                    if board.transcript.is_over and not board.recorded and follower.caught_up:
                        board.tell_recorded(await run_in_threadpool(self._is_recorded, call))
                    if follower.caught_up:
                        kept.ready.set()
                    if board.transcript.deleted:
                        break  # whoever asks next gets a board of what is left
        finally:
            board.close()

    def _is_recorded(self, call: str) -> bool:
        """Whether there is anything to hear of a call. Blocks."""
        shelf = self._services.shelf
        try:
            return shelf is not None and shelf.has(call)
        except (AudioError, OSError):
            return False

    async def _feed_list(self, kept: _Kept) -> None:
        board: ListBoard = kept.board
        services = self._services
        try:
            with JournalFollower(services.store, services.hub, after=None) as follower:
                kept.ready.set()
                while batch := await follower.batch():
                    await board.apply(batch)
        finally:
            board.close()
