"""Whether the server is alive, and whether it can take calls."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callscribe.web.services import Readiness, Services


def health_routes(services: Services) -> list[Route]:
    async def healthz(request: Request) -> Response:
        """Alive: the event loop answers."""
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        """Ready: model loaded, store writable. The reasons are for those who may see the pages."""
        state = await services.readiness() if services.readiness else Readiness(ready=True)
        body: dict[str, object] = {"ready": state.ready}
        if request.scope.get("callscribe.permitted"):
            body |= {"reasons": list(state.reasons), **state.details}
        return JSONResponse(body, status_code=200 if state.ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
