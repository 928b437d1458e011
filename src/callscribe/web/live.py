"""Events as they happen, as server-sent events (WHATWG HTML, 9.2).

A viewer names the last event it has; everything after that follows exactly once (`journal/follow.py` says how).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from callscribe.events import LagChanged, PartialTranscript, Published, to_json
from callscribe.journal.follow import JournalFollower
from callscribe.ranges import whole_number
from callscribe.web.api import ApiError, guarded
from callscribe.web.services import Services

HEARTBEAT_S = 15.0
"""A comment is sent after this much silence, so that proxies keep the connection and a dead
viewer is noticed."""
LAST_WORDS_S = 1.0
"""How long a server that stops waits for the store, so that a viewer gets what it has."""
RETRY_MS = 1000
PAGE = 500


def live_routes(services: Services) -> list[Route]:
    async def events(request: Request) -> Response:
        """`GET /api/events?call=ID&partials=ID&after=N`.

        `call` narrows to one call. `partials` sends all durable events, but revisions of unfinished
        utterances of that one call only (`none`: of no call). `Last-Event-ID` wins over `after`;
        without either the stream begins now.
        """
        given = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        asked = whole_number(given)
        if given and asked is None:
            raise ApiError(
                400,
                "bad-cursor",
                f"`after` must be the id of an event, a whole number; got {given[:40]!r}.",
            )
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        viewer = Viewer(
            services,
            call=request.query_params.get("call") or None,
            partials=request.query_params.get("partials") or None,
        )
        newest = await run_in_threadpool(services.store.last_id)
        after = newest if asked is None else asked
        return StreamingResponse(
            # An id that was never given out comes from another record, of another data folder.
            viewer.stream(min(after, newest), other_record=after > newest),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return [Route("/api/events", guarded(events))]


class Viewer:
    """One connection's way through the journal.

    Args:
        call: only this call's events, or None.
        partials: ephemeral events of this call only, "none", or None for all.
    """

    def __init__(self, services: Services, *, call: str | None, partials: str | None) -> None:
        self._services = services
        self._call = call
        self._partials = partials

    async def stream(self, after: int, *, other_record: bool = False) -> AsyncIterator[bytes]:
        """The body: everything after the event `after`, until the viewer or the server goes.

        Args:
            after: the last event the viewer has.
            other_record: what it has is not of this record; it is told to begin anew.
        """
        services = self._services
        last, resyncs = after, 0
        stopping = asyncio.ensure_future(services.stopping.wait())
        try:
            with JournalFollower(
                services.store, services.hub, after=after, call=self._call, page=PAGE
            ) as follower:
                # What is stored is sent to the end, even by a server that stops.
                stopping.add_done_callback(lambda _: follower.close())
                yield b"retry: %d\nid: %d\n\n" % (RETRY_MS, after)
                if other_record:
                    yield b"event: reset\ndata: {}\n\n"
                while True:
                    try:
                        batch = await _within(HEARTBEAT_S, follower.batch(), stopping)
                    except TimeoutError:
                        if stopping.done():
                            return
                        yield b": still here\n\n"
                        continue
                    if not batch:
                        return
                    if follower.resyncs > resyncs:
                        resyncs = follower.resyncs
                        yield b'event: resync\ndata: {"after": %d}\n\n' % last
                    for published in batch:
                        last = published.id or last
                        if message := self._message(published):
                            yield message
        finally:
            stopping.cancel()
            with suppress(asyncio.CancelledError):
                await stopping

    def _message(self, published: Published) -> bytes:
        """The event as the viewer gets it; empty when it did not ask for it."""
        event = published.event
        if published.id is not None:
            return b"id: %d\ndata: %b\n\n" % (published.id, to_json(event))
        unwanted = self._partials is not None and event.call != self._partials
        if unwanted and isinstance(event, PartialTranscript | LagChanged):
            return b""
        return b"data: %b\n\n" % to_json(event)


async def _within(
    patience_s: float, batch: Awaitable[list[Published]], stopping: asyncio.Future[Any]
) -> list[Published]:
    """A batch, awaited straight: raced with a clock it would come some turns of the loop later.

    Args:
        stopping: once it is done there is only `LAST_WORDS_S` left.

    Raises:
        TimeoutError: nothing came in time.
    """
    async with asyncio.timeout(LAST_WORDS_S if stopping.done() else patience_s) as bound:

        def hurry(_: object) -> None:
            bound.reschedule(asyncio.get_running_loop().time() + LAST_WORDS_S)

        stopping.add_done_callback(hurry)
        try:
            return await batch
        finally:
            stopping.remove_done_callback(hurry)
