"""For whoever runs the server: `/metrics` for Prometheus, `/operations` for people, `/api/operations` for scripts."""

from __future__ import annotations

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
                rows=rows(now),
                gives_way=now.gives_way,
                theme=theme if theme in {"light", "dark"} else "",
            )
        )

    return [
        Route("/metrics", metrics),
        Route("/operations", page),
        Route("/api/operations", figures),
    ]


_NAMES = {
    "capacity_tracks": "Tracks that can be followed live",
    "live_tracks": "Tracks followed live",
    "waiting_tracks": "Tracks of live calls that wait for room",
    "left_tracks": "Tracks of ended calls, not transcribed yet",
    "waiting_audio_seconds": "Audio that waits for room",
    "waiting_disk_bytes": "Audio on disk, not transcribed yet",
    "decode_queue": "Streams that could be decoded now",
    "real_time_factor": "Seconds of a processor core for a second of audio",
    "viewers": "Open live views",
    "recordings_waiting": "Recorded tracks not stored yet",
    "open_files": "Open files",
    "open_files_allowed": "Open files allowed",
}
"""What the parts' figures are called; others by their names."""


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
        label = _NAMES.get(name, name.removesuffix("_seconds").replace("_", " ").capitalize())
        found.append((label, shown, name == "open_files" and most > 0 and files > 0.8 * most))
    return found
