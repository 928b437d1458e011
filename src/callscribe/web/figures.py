"""For whoever runs the server: `/metrics` for Prometheus, `/operations` for people, `/api/operations` for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from callscribe.metrics import CONTENT_TYPE, Figures, Meter
from callscribe.templating import environment
from callscribe.web.api import json_response

_TEMPLATES = Path(__file__).parent / "templates"


def figures_routes(meter: Meter) -> list[Route]:
    """The routes; like pages and API they need the token wherever those do."""
    templates = environment(_TEMPLATES)

    async def metrics(request: Request) -> Response:
        return Response(meter.text(), headers={"content-type": CONTENT_TYPE})

    async def figures(request: Request) -> Response:
        return json_response(meter.figures())

    async def page(request: Request) -> Response:
        now = meter.figures()
        theme = request.cookies.get("callscribe-theme", "")
        return HTMLResponse(
            templates.get_template("operations.html").render(
                rows=rows(now, meter.names),
                gives_way=now.gives_way,
                theme=theme if theme in {"light", "dark"} else "",
            )
        )

    return [
        Route("/metrics", metrics),
        Route("/operations", page),
        Route("/api/operations", figures),
    ]


def rows(now: Figures, names: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """What the page shows: name, value, and whether it needs a person.

    Args:
        names: what the parts' figures are called (`Meter.names`).
    """
    found = [
        ("Calls now", f"{now.calls_now:,}", False),
        ("Tracks now", f"{now.tracks_now:,}", False),
        ("Behind", f"{now.lag_s:.1f} s" if now.lag_s >= 0.05 else "no", now.lag_s >= 10),
        ("Calls since the start", f"{now.calls:,}", False),
        ("Utterances", f"{now.utterances:,}", False),
        ("Withdrawn by the second reader", f"{now.withdrawn:,}", False),
        ("Ended, not read a second time yet", f"{now.unsettled:,}", False),
        ("Audio that never arrived", f"{now.missing_s:.1f} s", False),
        ("Frames that arrived too late", f"{now.late_frames:,}", False),
        ("Audio dropped here", f"{now.dropped_s:.1f} s", now.dropped_s > 0),
        ("Gaps", f"{now.gaps:,}", False),
        ("Record", "can't be written" if now.store_failing else "is written", now.store_failing),
    ]
    files, most = now.more.get("open_files", 0.0), now.more.get("open_files_allowed", 0.0)
    for name, value in now.more.items():
        shown = f"{value:,.0f}"
        if name.endswith("_seconds"):
            shown = f"{value:,.1f} s"
        elif name.endswith("_bytes"):
            shown = f"{value / 1e6:,.1f} MB"
        elif name.endswith("_factor"):
            shown = f"{value:.3f}"
        elif name == "capacity_tracks" and not value:
            shown = "no bound"
        found.append((names[name], shown, name == "open_files" and most > 0 and files > 0.8 * most))
    return found
