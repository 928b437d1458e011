"""Pages for people: the list of calls, a call, and its captions.

Each arrives complete, transcript and unfinished words included; `static/main.js` then follows the pieces that change
after the version that the page carries.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from callscribe.errors import StoreError
from callscribe.ranges import whole_number
from callscribe.records import CallSummary
from callscribe.search.query import LONGEST
from callscribe.transcript import wording
from callscribe.web.api import json_response
from callscribe.web.assets import asset_routes
from callscribe.web.boards import Boards, find
from callscribe.web.callboard import CallBoard
from callscribe.web.drawing import HERE, Drawing, day, wanted_words
from callscribe.web.finding import NAMES, Finds, is_asked
from callscribe.web.finding import find as find_words
from callscribe.web.listboard import LIST, ListBoard
from callscribe.web.looking import Looked, look
from callscribe.web.services import Services

CAPTION_ROWS = 8
"""Paragraphs and notes that captions begin with."""
PATIENCE_S = 10.0
"""How long a page waits for its call to be read."""


FORMAT_NAMES = (
    ("txt", "Text (TXT)"),
    ("md", "Markdown"),
    ("srt", "Subtitles (SRT)"),
    ("vtt", "Subtitles (WebVTT)"),
    ("csv", "Table (CSV)"),
    ("json", "JSON"),
    ("html", "Web page with audio (HTML)"),
)
"""What a call can be exported as, in the menu."""


class Pages:
    """The endpoints that fill the templates."""

    def __init__(self, services: Services, boards: Boards, drawing: Drawing) -> None:
        self._services = services
        self._boards = boards
        self._drawing = drawing

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.index),
            Route("/calls/{sid}", self.call),
            Route("/calls/{sid}/captions", self.captions),
            Route("/calls/{sid}/find", self.look),
            Route("/find", self.find),
            Route("/favicon.svg", self.favicon),
            *asset_routes("/static", HERE / "static"),
        ]

    async def index(self, request: Request) -> Response:
        """The list; where there is room, the newest call beside it."""
        before = request.query_params.get("before") or None
        with self._boards.list() as kept:
            list_: ListBoard = kept.board
            seen = list_.seen  # First, so that nothing newer is missed by the stream.
            calls = await run_in_threadpool(list_.calls, before)
            chosen = next((call for call in calls if not wording.is_over(call)), None)
            if chosen is None and calls and before is None:
                chosen = calls[0]
            return await self._both(
                request, list_, seen, calls, chosen.id if chosen else None, "list", before
            )

    async def call(self, request: Request) -> Response:
        """One call; where there is room, the list beside it."""
        sid = request.path_params["sid"]
        id = await find(self._services, sid)
        if id is None:
            return self._missing(request, sid)
        with self._boards.list() as kept:
            list_: ListBoard = kept.board
            seen = list_.seen
            calls = await run_in_threadpool(list_.calls)
            return await self._both(request, list_, seen, calls, id, "call", None)

    async def captions(self, request: Request) -> Response:
        """One call's last lines in very large type."""
        sid = request.path_params["sid"]
        id = await find(self._services, sid)
        if id is None:
            return self._missing(request, sid)
        board = await self._board(id)
        return await run_in_threadpool(
            self._render, request, "captions.html", board=board, last=CAPTION_ROWS
        )

    async def look(self, request: Request) -> Response:
        """`GET /calls/{sid}/find?q=...&words=...`: where the words stand in the call that is shown."""
        id = await find(self._services, request.path_params["sid"])
        if id is None:
            return json_response(Looked(()))
        board = await self._board(id)
        said = board.transcript.utterances
        words = wanted_words(request.query_params.get("words"))
        typed = request.query_params.get("q", "")[:LONGEST]
        return json_response(await run_in_threadpool(look, said, typed, words))

    async def find(self, request: Request) -> Response:
        """`GET /find?q=...`: what is found, as a piece of the page."""
        finds = await run_in_threadpool(self._find, request)
        return HTMLResponse(self._drawing.results(finds), headers={"Cache-Control": "no-store"})

    async def favicon(self, request: Request) -> Response:
        """The icon, with the number of live calls when there are any."""
        given = request.query_params.get("live", "0")
        live = min(whole_number(given) or 0, 99)
        icon = self._drawing.page("favicon.svg", live=live)
        return Response(icon, media_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})

    def message(
        self, request: Request | None, status: int, title: str, text: str, *, home: bool = True
    ) -> Response:
        """A page that only says something."""
        return self._render(request, "message.html", status, title=title, text=text, home=home)

    def refusal(self, status: int, text: str) -> Response:
        """The page for `Access`."""
        title = {401: "No permission", 403: "Refused", 429: "Wait a moment"}[status]
        return self.message(None, status, title, text, home=False)

    async def _board(self, id: str) -> CallBoard:
        """A call's board as it is now."""
        with self._boards.call(id) as kept:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await kept.ready.wait()
            except TimeoutError:
                raise StoreError(
                    "The record of this call cannot be read at the moment. Reload the page."
                ) from None
            board: CallBoard = kept.board
            return board.snapshot()

    async def _both(
        self,
        request: Request,
        list_: ListBoard,
        seen: str,
        calls: list[CallSummary],
        id: str | None,
        place: str,
        before: str | None,
    ) -> Response:
        board = await self._board(id) if id is not None else None
        groups: list[tuple[str, list[str]]] = []
        for call in calls:
            live = not wording.is_over(call) and before is None
            name = "Now" if live else day(call.started_at)
            if not groups or groups[-1][0] != name:
                groups.append((name, []))
            groups[-1][1].append(list_.item(call, current=call.id == id))
        finds = await run_in_threadpool(self._find, request)
        return await run_in_threadpool(
            self._render,
            request,
            "index.html",
            board=board,
            asked={name: request.query_params.get(name, "") for name in (*NAMES, "by")},
            finds=finds,
            results=self._drawing.results(finds),
            formats=FORMAT_NAMES if self._services.archive is not None else (),
            can_delete=self._services.archive is not None and self._services.erasure is not None,
            can_save=self._services.contacts is not None,
            can_correct=self._services.publish is not None,
            operations=self._services.meter is not None,
            groups=groups,
            live=sum(not wording.is_over(call) for call in calls),
            seen=f"{board.seen if board else ''}_{seen}",
            place=place,
            before=before,
            older=calls[-1].id if len(calls) >= LIST else None,
        )

    def _find(self, request: Request) -> Finds | None:
        """What an address asks for; None when it asks for nothing. Blocks."""
        archive = self._services.archive
        if archive is None or not is_asked(request.query_params):
            return None
        return find_words(archive, request.query_params)

    def _missing(self, request: Request, sid: str) -> Response:
        return self.message(
            request,
            404,
            "No such call",
            f"There is no call {sid[:80]} in this server's record. It may belong to another server, "
            "or to another data folder.",
        )

    def _render(
        self, request: Request | None, template: str, status: int = 200, **values: Any
    ) -> Response:
        """Fills a template; a long call's takes long enough to keep it off the event loop."""
        cookies = request.cookies if request is not None else {}
        theme = cookies.get("callscribe-theme", "")
        words = wanted_words(cookies.get("callscribe-words"))
        html = self._drawing.page(
            template,
            theme=theme if theme in ("light", "dark") else "",
            words=words,
            settings=self._services.settings,
            **values,
        )
        return HTMLResponse(html, status_code=status)
