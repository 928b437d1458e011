"""The pages' own style and scripts, kept in memory.

They are open to everyone, so an answer must cost no open file and no thread: who asks for many of them and reads none
would otherwise take the files that webhooks and the record need.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TYPES = {".css": "text/css", ".js": "text/javascript"}
"""Not the machine's own table: some call scripts plain text, and browsers then do not run them."""


def asset_routes(prefix: str, folder: Path) -> list[Route]:
    """A route for each file of a folder.

    Args:
        prefix: what their addresses begin with, like `/static`.
        folder: read now, and not again.
    """
    return [
        Route(f"{prefix}/{file.name}", Asset(file).answer)
        for file in sorted(folder.iterdir())
        if file.suffix in TYPES and not file.name.startswith(".")
    ]


class Asset:
    """One file. Browsers ask each time whether it has changed, by its tag."""

    def __init__(self, file: Path) -> None:
        self._content = file.read_bytes()
        self._tag = f'"{hashlib.sha256(self._content).hexdigest()[:32]}"'
        self._type = TYPES[file.suffix]

    async def answer(self, request: Request) -> Response:
        """`GET`, or 304 to who has it already."""
        headers = {"ETag": self._tag, "Cache-Control": "no-cache"}
        known = request.headers.get("if-none-match", "").split(",")
        if any(each.strip().removeprefix("W/") in (self._tag, "*") for each in known):
            return Response(status_code=304, headers=headers)
        return Response(self._content, headers=headers, media_type=self._type)
