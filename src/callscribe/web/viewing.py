"""What the pages follow: pieces of themselves as they change, as server-sent events (WHATWG HTML, 9.2).

For pages only, and as changeable as they are; scripts follow `/api/events`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from callscribe.web.boards import Boards, find
from callscribe.web.callboard import CallBoard
from callscribe.web.drawing import Words, wanted_words
from callscribe.web.listboard import ListBoard
from callscribe.web.services import Services

HEARTBEAT_S = 15.0
"""A comment is sent after this much silence, so that proxies keep the connection and a dead viewer is noticed."""
RETRY_MS = 1000
GONE = b"event: gone\ndata: {}\n\n"


def viewing_routes(services: Services, boards: Boards) -> list[Route]:
    async def live(request: Request) -> Response:
        """`GET /live?call=ID&list=yes&words=raw&seen=...`.

        `seen` is what the page shows already, as its `data-seen` has it; `Last-Event-ID` wins over it. Messages named
        `call` and `list` hold steps (`boards`); `gone` says that there is no such call here.
        """
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        query = request.query_params
        stream = Stream(
            services,
            boards,
            call=query.get("call") or None,
            calls=query.get("list") == "yes",
            words=wanted_words(query.get("words")),
        )
        return StreamingResponse(
            stream.messages(request.headers.get("last-event-id") or query.get("seen") or ""),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return [Route("/live", live)]


class Stream:
    """One page's connection.

    Args:
        call: the call that it shows, or None.
        calls: whether it shows the list of calls.
        words: which words it shows.
    """

    def __init__(
        self,
        services: Services,
        boards: Boards,
        *,
        call: str | None,
        calls: bool,
        words: Words = "written",
    ) -> None:
        self._services = services
        self._boards = boards
        self._call = call
        self._calls = calls
        self._words = words

    async def messages(self, seen: str) -> AsyncIterator[bytes]:
        """The body: what has changed since `seen`, then what changes, until the viewer or the server goes."""
        seen_call, _, seen_list = seen.partition("_")
        wake = asyncio.Event()
        stopping = asyncio.ensure_future(_wake(self._services.stopping, wake))
        try:
            with ExitStack() as held:
                yield b"retry: %d\n\n" % RETRY_MS
                call: CallBoard | None = None
                calls: ListBoard | None = None
                if self._call is not None:
                    found = await find(self._services, self._call)
                    if found != self._call:
                        yield GONE
                        return
                    kept = held.enter_context(self._boards.call(self._call))
                    await _either(kept.ready, self._services.stopping)
                    call = kept.board
                    held.enter_context(call.watched(wake))
                if self._calls:
                    kept = held.enter_context(self._boards.list())
                    calls = kept.board
                    held.enter_context(calls.watched(wake))
                at_call = None if call is None else call.since(seen_call)
                at_list = None if calls is None else calls.since(seen_list)
                boards = [board for board in (call, calls) if board is not None]
                while not self._services.stopping.is_set() and not any(b.closed for b in boards):
                    wake.clear()
                    sent = False
                    if call is not None and call.transcript.deleted:
                        break
                    if call is not None:
                        if at_call is None:
                            version, copy = call.version, call.snapshot()
                            steps = await run_in_threadpool(copy.everything, self._words)
                        else:
                            version, steps = call.version, call.message(at_call, self._words)
                        if steps:
                            at = f"{call.epoch}.{version}_{_seen(calls, at_list)}"
                            yield _message(at, b"call", steps)
                            sent = True
                        at_call = version
                    if calls is not None:
                        if at_list is None:
                            version = calls.version
                            steps = await run_in_threadpool(calls.everything)
                        else:
                            version, steps = calls.version, calls.message(at_list, self._words)
                        if steps:
                            at = f"{_seen(call, at_call)}_{calls.epoch}.{version}"
                            yield _message(at, b"list", steps)
                            sent = True
                        at_list = version
                    if sent or wake.is_set():
                        continue
                    try:
                        async with asyncio.timeout(HEARTBEAT_S):
                            await wake.wait()
                    except TimeoutError:
                        yield b": still here\n\n"
                if call is not None and call.transcript.deleted:
                    yield GONE
        finally:
            stopping.cancel()
            with suppress(asyncio.CancelledError):
                await stopping


def _seen(board: CallBoard | ListBoard | None, at: int | None) -> str:
    return "" if board is None or at is None else f"{board.epoch}.{at}"


def _message(at: str, name: bytes, steps: bytes) -> bytes:
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (at.encode(), name, steps)


async def _wake(event: asyncio.Event, wake: asyncio.Event) -> None:
    await event.wait()
    wake.set()


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    """Waits for whichever comes first."""
    waiting = [asyncio.ensure_future(each.wait()) for each in (one, other)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
