"""The web application: every route behind the access rules and the protective headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from callscribe.errors import CallscribeError
from callscribe.web.access import HEADERS, Access, SecurityHeaders
from callscribe.web.api import api_routes
from callscribe.web.boards import Boards
from callscribe.web.contacts import contact_routes
from callscribe.web.correcting import correcting_routes
from callscribe.web.drawing import Drawing
from callscribe.web.erasing import erasing_routes
from callscribe.web.exports import export_routes
from callscribe.web.figures import figures_routes
from callscribe.web.health import health_routes
from callscribe.web.live import live_routes
from callscribe.web.pages import Pages
from callscribe.web.recordings import recording_routes
from callscribe.web.search import search_routes
from callscribe.web.services import Services
from callscribe.web.tokens import NamedTokens
from callscribe.web.v1.problems import PREFIX, problem_response
from callscribe.web.v1.routes import api_v1_routes
from callscribe.web.viewing import viewing_routes

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def create_app(
    services: Services,
    *,
    carrier: Sequence[BaseRoute] = (),
    outermost: Sequence[Middleware] = (),
    lifespan: Lifespan | None = None,
) -> Starlette:
    """Joins pages, API, live events, health and the carrier's routes.

    Args:
        services: what the routes may use.
        carrier: the carrier's routes, all under `/twilio/`; they check signatures themselves.
        outermost: middleware in front of all other.
        lifespan: Starlette's.

    Raises:
        SettingsError: the token is too short.
    """
    drawing = Drawing()
    boards = Boards(services, drawing)
    if services.contacts is not None:
        services.contacts.watch(boards.read_anew)
    pages = Pages(services, boards, drawing)

    async def http_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        path = request.url.path
        if path.startswith(f"{PREFIX}/"):
            name = {404: "not-found", 405: "method-not-allowed"}.get(
                error.status_code, "http-error"
            )
            detail = f"{error.detail}: {request.method} {path}"
            return problem_response(error.status_code, name, detail, error.headers)
        if path.startswith("/twilio/"):
            return PlainTextResponse(error.detail, status_code=error.status_code)
        if path.startswith("/api/"):
            name = "not-found" if error.status_code == 404 else "http-error"
            return JSONResponse(
                {"error": name, "message": f"{error.detail}: {request.method} {path}"},
                status_code=error.status_code,
                headers=error.headers,
            )
        if error.status_code == 404:
            return pages.message(request, 404, "Not found", f"There is nothing at {path[:120]}.")
        return pages.message(request, error.status_code, error.detail, "Go back to the calls.")

    async def explained(request: Request, error: Exception) -> Response:
        if request.url.path.startswith(f"{PREFIX}/"):
            return problem_response(503, "unavailable", str(error))
        if request.url.path.startswith("/api/"):
            body = {"error": "unavailable", "message": str(error)}
            return JSONResponse(body, status_code=503)
        return pages.message(request, 503, "Not now", str(error))

    async def failure(request: Request, error: Exception) -> Response:
        # Made outside the middleware, so it brings the protective headers itself.
        message = "Something went wrong on the server. Its log says what."
        if request.url.path.startswith(f"{PREFIX}/"):
            return problem_response(500, "failure", message, HEADERS)
        if request.url.path.startswith("/api/"):
            body = {"error": "failure", "message": message}
            return JSONResponse(body, status_code=500, headers=HEADERS)
        return PlainTextResponse(message, status_code=500, headers=HEADERS)

    app = Starlette(
        routes=[
            *health_routes(services),
            *carrier,
            *live_routes(services),
            *viewing_routes(services, boards),
            *api_routes(services),
            *api_v1_routes(services),
            *(search_routes(services.archive) if services.archive else ()),
            *(contact_routes(services.contacts) if services.contacts else ()),
            *(correcting_routes(services.store, services.publish) if services.publish else ()),
            *(export_routes(services.archive, services.shelf) if services.archive else ()),
            *(recording_routes(services.store, services.shelf) if services.shelf else ()),
            *(figures_routes(services.meter) if services.meter else ()),
            *(
                erasing_routes(services.archive, services.erasure)
                if services.archive and services.erasure
                else ()
            ),
            *pages.routes(),
        ],
        middleware=[
            *outermost,
            Middleware(SecurityHeaders),
            Middleware(
                Access,
                settings=services.settings,
                refusal=pages.refusal,
                tokens=NamedTokens(services.tokens) if services.tokens else None,
                unsigned=services.settings.allow_unsigned and services.signatures is None,
            ),
        ],
        exception_handlers={
            HTTPException: http_error,
            CallscribeError: explained,
            Exception: failure,
        },
        lifespan=lifespan,
    )
    # A redirect would lead to http:// behind a proxy that ends TLS.
    app.router.redirect_slashes = False
    return app
