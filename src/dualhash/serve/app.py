"""The web application: API, page and middleware."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from dualhash.serve.backend.service import Service
from dualhash.serve.http.errors import add_error_handlers
from dualhash.serve.http.metrics import CountRequests
from dualhash.serve.http.middleware import AccessControl, SecurityHeaders
from dualhash.serve.openapi import complete_description
from dualhash.serve.routes import api, probes
from dualhash.serve.settings import Settings
from dualhash.version import __version__

PAGE = Path(__file__).with_name("page")

DESCRIPTION = """\
Searches a collection of images by category, by attributes, or by both. If the server has a token,
send it as `Authorization: Bearer TOKEN`. Errors are `application/problem+json`; their `type` is
stable, their `detail` is a sentence for people.
"""


class _Application(FastAPI):
    """Adds security headers to all responses, also FastAPI's own, and answers HEAD requests."""

    def build_middleware_stack(self) -> ASGIApp:
        return SecurityHeaders(super().build_middleware_stack(), self.state.cors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            # The server drops the body. An extension would send files in another way.
            scope = {**scope, "method": "GET", "extensions": {}}
        await super().__call__(scope, receive, send)


def create_app(
    path: str | Path, model: str | Path | None = None, settings: Settings | None = None
) -> FastAPI:
    """Returns an ASGI app that serves an index; its lifespan opens and closes the index.

    Args:
        path: The index file.
        model: The model folder, if it was moved since the index was made.
        settings: How to serve; the defaults suit one person on this machine.
    """
    settings = settings or Settings()
    service = Service(Path(path), None if model is None else Path(model), settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        watch = asyncio.create_task(service.watcher.watch())
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
            await service.stop()

    app = _Application(
        title="dualhash",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.cors = bool(settings.cors_origins)
    add_error_handlers(app)
    app.include_router(api)
    app.include_router(probes)
    _add_page(app)
    complete_description(app)
    app.add_middleware(AccessControl, settings=settings, search_queue=service.search_queue)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    routes = [*api.routes, *probes.routes]
    app.add_middleware(CountRequests, metrics=service.metrics, routes=routes)
    return app


def _add_page(app: FastAPI) -> None:
    """Adds the page's files one by one, so that all other addresses get errors of the API."""
    for folder in ("script", "style"):
        app.mount(f"/{folder}", StaticFiles(directory=PAGE / folder))

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/icon.svg", include_in_schema=False)
    async def icon() -> FileResponse:
        return FileResponse(PAGE / "icon.svg")
