"""Events as they happen, as server-sent events (WHATWG HTML, 9.2).

A viewer names the last event it has; everything after that follows exactly once, first from the
store, then from the hub. The order makes it so: the hub is subscribed to before the store is read,
so nothing falls between, and what the hub repeats is known by its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from callscribe.events import (
    AnyEvent,
    FinalTranscript,
    LagChanged,
    PartialTranscript,
    Published,
    to_json,
)
from callscribe.ranges import whole_number
from callscribe.web.services import Services

HEARTBEAT_S = 15.0
"""A comment is sent after this much silence, so that proxies keep the connection and a dead
viewer is noticed."""
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
            return JSONResponse(
                {
                    "error": "bad-cursor",
                    "message": f"`after` is the id of an event, a whole number; got {given[:40]!r}.",
                },
                status_code=400,
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

    return [Route("/api/events", events)]


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
        self._last = 0
        self._reached: dict[tuple[str, str], int] = {}
        """Revisions of utterances sent while catching up; the hub may still hold older ones."""

    async def stream(self, after: int, *, other_record: bool = False) -> AsyncIterator[bytes]:
        """The body: everything after the event `after`, until the viewer or the server goes.

        Args:
            after: the last event the viewer has.
            other_record: what it has is not of this record; it is told to begin anew.
        """
        self._last = after
        stopping = asyncio.ensure_future(self._services.stopping.wait())
        following: asyncio.Future[object] | None = None
        try:
            with self._services.hub.subscribe(call=self._call) as subscription:
                yield b"retry: %d\nid: %d\n\n" % (RETRY_MS, after)
                if other_record:
                    yield b"event: reset\ndata: {}\n\n"
                async for message in self._catch_up():
                    yield message
                while not stopping.done():
                    if following is None:
                        following = asyncio.ensure_future(_next(subscription))
                    await asyncio.wait(
                        (following, stopping),
                        timeout=HEARTBEAT_S,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                    if not following.done():
                        if not stopping.done():
                            yield b": still here\n\n"
                        continue
                    item = following.result()
                    following = None
                    if item is None:
                        return
                    if isinstance(item, Published):
                        if message := self._message(item):
                            yield message
                    else:
                        yield b'event: resync\ndata: {"after": %d}\n\n' % self._last
                        async for message in self._catch_up():
                            yield message
        finally:
            for task in (stopping, following):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    async def _catch_up(self) -> AsyncIterator[bytes]:
        """What the store has after the last event sent, then what is being said right now."""
        self._reached.clear()
        while True:
            page = await run_in_threadpool(
                self._services.store.events_after, self._last, call=self._call, limit=PAGE
            )
            for published in page:
                self._reach(published.event)
                if message := self._message(published):
                    yield message
            if len(page) < PAGE:
                break
        only = self._partials if self._partials not in (None, "none") else self._call
        for published in self._services.hub.current(only):
            if message := self._message(published):
                yield message
            self._reach(published.event)

    def _reach(self, event: AnyEvent) -> None:
        if isinstance(event, FinalTranscript | PartialTranscript):
            self._reached[event.call, event.utterance] = event.revision

    def _message(self, published: Published) -> bytes:
        """The event as the viewer gets it; empty when it has it already or did not ask for it."""
        event = published.event
        if published.id is not None:
            if published.id <= self._last:
                return b""
            self._last = published.id
            return b"id: %d\ndata: %b\n\n" % (published.id, to_json(event))
        if isinstance(event, PartialTranscript | LagChanged):
            if self._partials is not None and event.call != self._partials:
                return b""
            if isinstance(event, PartialTranscript):
                reached = self._reached.get((event.call, event.utterance), -1)
                if event.revision <= reached:
                    return b""
        return b"data: %b\n\n" % to_json(event)


async def _next(subscription: AsyncIterator[object]) -> object | None:
    """The next item; None at the end. (StopAsyncIteration cannot cross a task.)"""
    try:
        return await anext(subscription)
    except StopAsyncIteration:
        return None
