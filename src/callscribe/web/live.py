"""Events as they happen, as server-sent events (WHATWG HTML, 9.2).

A viewer names the last event it has; everything after that follows exactly once (`journal/follow.py` says how).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from callscribe.events import LagChanged, PartialTranscript, Published, to_json
from callscribe.journal.follow import JournalFollower
from callscribe.ranges import whole_number
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

    async def stream(self, after: int, *, other_record: bool = False) -> AsyncIterator[bytes]:
        """The body: everything after the event `after`, until the viewer or the server goes.

        Args:
            after: the last event the viewer has.
            other_record: what it has is not of this record; it is told to begin anew.
        """
        services = self._services
        stopping = asyncio.ensure_future(services.stopping.wait())
        following: asyncio.Future[list[Published]] | None = None
        last, resyncs = after, 0
        try:
            with JournalFollower(
                services.store, services.hub, after=after, call=self._call, page=PAGE
            ) as follower:
                yield b"retry: %d\nid: %d\n\n" % (RETRY_MS, after)
                if other_record:
                    yield b"event: reset\ndata: {}\n\n"
                # What is stored is sent to the end, even by a server that stops.
                while not (stopping.done() and follower.caught_up):
                    if following is None:
                        following = asyncio.ensure_future(follower.batch())
                    ending = stopping.done()
                    await asyncio.wait(
                        (following,) if ending else (following, stopping),
                        timeout=LAST_WORDS_S if ending else HEARTBEAT_S,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                    if not following.done():
                        if ending:
                            return
                        if not stopping.done():
                            yield b": still here\n\n"
                        continue
                    batch = following.result()
                    following = None
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
            for task in (stopping, following):
                if task is not None:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task

    def _message(self, published: Published) -> bytes:
        """The event as the viewer gets it; empty when it did not ask for it."""
        event = published.event
        if published.id is not None:
            return b"id: %d\ndata: %b\n\n" % (published.id, to_json(event))
        unwanted = self._partials is not None and event.call != self._partials
        if unwanted and isinstance(event, PartialTranscript | LagChanged):
            return b""
        return b"data: %b\n\n" % to_json(event)
