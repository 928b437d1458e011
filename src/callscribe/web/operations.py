"""For whoever runs the server: `/metrics` for Prometheus, `/operations` for people, `/api/operations` for scripts."""

from __future__ import annotations

from pathlib import Path

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from callscribe.metrics import CONTENT_TYPE, Figures, Meter
from callscribe.web.api import json_response

_TEMPLATES = Path(__file__).parent / "templates"


def operations_routes(meter: Meter) -> list[Route]:
    """The routes; like pages and API they need the token wherever those do."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )

    async def metrics(request: Request) -> Response:
        return Response(meter.text(), headers={"content-type": CONTENT_TYPE})

    async def figures(request: Request) -> Response:
        return json_response(meter.figures())

    async def page(request: Request) -> Response:
        theme = request.cookies.get("callscribe-theme", "")
        return HTMLResponse(
            templates.get_template("operations.html").render(
                rows=rows(meter.figures()),
                theme=theme if theme in {"light", "dark"} else "",
                raw=False,
            )
        )

    return [
        Route("/metrics", metrics),
        Route("/operations", page),
        Route("/api/operations", figures),
    ]


def rows(now: Figures) -> list[tuple[str, str, bool]]:
    """What the page shows: name, value, and whether it needs a person."""
    found = [
        ("Calls now", f"{now.calls_now:,}", False),
        ("Tracks now", f"{now.tracks_now:,}", False),
        ("Behind", f"{now.lag_s:.1f} s" if now.lag_s >= 0.05 else "no", now.lag_s >= 10),
        ("Calls since the start", f"{now.calls:,}", False),
        ("Utterances", f"{now.utterances:,}", False),
        ("Taken back by the second reader", f"{now.withdrawn:,}", False),
        ("Ended, not read a second time yet", f"{now.unsettled:,}", False),
        ("Audio that never arrived", f"{now.missing_s:.1f} s", False),
        ("Frames that came too late", f"{now.late_frames:,}", False),
        ("Audio dropped here", f"{now.dropped_s:.1f} s", now.dropped_s > 0),
        ("Gaps", f"{now.gaps:,}", False),
        ("Record", "can't be written" if now.store_failing else "is written", now.store_failing),
    ]
    for name, value in now.more.items():
        words, _, unit = name.rpartition("_")
        shown = f"{value:,.1f} s" if unit == "seconds" else f"{value:,.0f}"
        label = (words if unit == "seconds" else name).replace("_", " ")
        found.append((label.capitalize(), shown, False))
    return found
