"""Pages for people: the list of calls, a call, and its captions.

Each arrives complete, transcript and unfinished words included; `static/main.js` then follows the
events after the cursor that the page carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from callscribe.events import PartialTranscript
from callscribe.records import CallRecord, CallSummary
from callscribe.web import wording
from callscribe.web.services import Services
from callscribe.web.timeline import Timeline, Turn

HERE = Path(__file__).parent
LIST = 100
JOURNAL_PAGE = 2000


@dataclass(frozen=True, slots=True)
class CallView:
    """A call as the page shows it."""

    record: CallRecord
    timeline: Timeline
    cursor: int
    """Journal id up to which the page is complete."""

    @property
    def call(self) -> CallSummary:
        return self.record.call


class Pages:
    """Templates and the endpoints that fill them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.globals["wording"] = wording
        self._templates.filters["clock"] = wording.clock
        self._templates.filters["day"] = day
        self._templates.filters["hour"] = hour
        self._templates.tests["turn"] = lambda block: isinstance(block, Turn)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.index),
            Route("/calls/{sid}", self.call),
            Route("/calls/{sid}/captions", self.captions),
            Route("/favicon.svg", self.favicon),
            Mount("/static", Assets(directory=HERE / "static")),
        ]

    async def index(self, request: Request) -> Response:
        """The list; where there is room, the newest call beside it."""
        before = request.query_params.get("before") or None
        cursor, calls = await self._calls(before)
        chosen = next((call for call in calls if not wording.is_over(call)), None)
        if chosen is None and calls and before is None:
            chosen = calls[0]
        view = await run_in_threadpool(self._view, chosen.id) if chosen else None
        shown: dict[str, Any] = {
            "calls": calls,
            "cursor": cursor,
            "view": view,
            "place": "list",
            "before": before,
        }
        return await run_in_threadpool(self._render, request, "index.html", **shown)

    async def call(self, request: Request) -> Response:
        """One call; where there is room, the list beside it."""
        sid = request.path_params["sid"]
        cursor, calls = await self._calls(None)
        view = await run_in_threadpool(self._view, sid)
        if view is None:
            return self._missing(request, sid)
        shown: dict[str, Any] = {
            "calls": calls,
            "cursor": cursor,
            "view": view,
            "place": "call",
            "before": None,
        }
        return await run_in_threadpool(self._render, request, "index.html", **shown)

    async def captions(self, request: Request) -> Response:
        """One call's last lines in very large type."""
        sid = request.path_params["sid"]
        view = await run_in_threadpool(self._view, sid)
        if view is None:
            return self._missing(request, sid)
        return await run_in_threadpool(
            self._render, request, "captions.html", view=view, cursor=view.cursor
        )

    async def favicon(self, request: Request) -> Response:
        """The icon, with the number of live calls when there are any."""
        given = request.query_params.get("live", "0")
        live = min(int(given[:4]), 99) if given.isascii() and given.isdigit() else 0
        icon = self._templates.get_template("favicon.svg").render(live=live)
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

    def _missing(self, request: Request, sid: str) -> Response:
        return self.message(
            request,
            404,
            "No such call",
            f"There is no call {sid[:80]} in this server's record. It may belong to another server, "
            "or to another data folder.",
        )

    async def _calls(self, before: str | None) -> tuple[int, list[CallSummary]]:
        store = self._services.store

        def read() -> tuple[int, list[CallSummary]]:
            cursor = store.last_id()  # First, so that nothing newer is missed by the stream.
            return cursor, store.calls(limit=LIST, before=before)

        return await run_in_threadpool(read)

    def _view(self, sid: str) -> CallView | None:
        store = self._services.store
        record = store.call(sid)
        if record is None:
            return None
        timeline = Timeline()
        cursor = 0
        while True:
            page = store.events_after(cursor, call=record.call.id, limit=JOURNAL_PAGE)
            for published in page:
                if published.id is not None and published.id <= record.cursor:
                    timeline.apply(published.event)
                    cursor = published.id
            if len(page) < JOURNAL_PAGE or page[-1].id != cursor:
                break
        if timeline.ended is None:
            for published in self._services.hub.current(record.call.id):
                if isinstance(published.event, PartialTranscript):
                    timeline.apply(published.event)
        return CallView(record, timeline, record.cursor)

    def _render(
        self, request: Request | None, template: str, status: int = 200, **values: Any
    ) -> Response:
        """Fills a template; a long call's takes long enough to keep it off the event loop."""
        cookies = request.cookies if request is not None else {}
        theme = cookies.get("callscribe-theme", "")
        words = cookies.get("callscribe-words", "")
        html = self._templates.get_template(template).render(
            theme=theme if theme in ("light", "dark") else "",
            raw=words == "raw",
            settings=self._services.settings,
            **values,
        )
        return HTMLResponse(html, status_code=status)


class Assets(StaticFiles):
    """Our own files; browsers ask each time whether they changed."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response

    async def get_response(self, path: str, scope: Scope) -> Response:
        if Path(path).name.startswith("."):
            return Response("Not here.", status_code=404)
        return await super().get_response(path, scope)


def moment(at: str) -> datetime | None:
    """The server's local time of an ISO 8601 moment; None when there is none."""
    try:
        return datetime.fromisoformat(at).astimezone()
    except ValueError:
        return None


def day(at: str) -> str:
    """`Today`, `Yesterday`, `Monday 12 January`, `12 January 2025`."""
    then = moment(at)
    if then is None:
        return "Undated"
    today = datetime.now().astimezone().date()
    if then.date() == today:
        return "Today"
    if then.date() == today - timedelta(days=1):
        return "Yesterday"
    if then.year == today.year:
        return f"{then:%A} {then.day} {then:%B}"
    return f"{then.day} {then:%B %Y}"


def hour(at: str) -> str:
    """`10:42`."""
    then = moment(at)
    return f"{then:%H:%M}" if then is not None else ""
