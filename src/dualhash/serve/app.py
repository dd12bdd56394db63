"""The web application: the API, the page, and the gate before them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from dualhash.serve import openapi_examples as examples
from dualhash.serve import schemas
from dualhash.serve.backend.service import Service
from dualhash.serve.http.errors import ProblemBody, explain
from dualhash.serve.http.head import Heads
from dualhash.serve.http.metrics import Counted
from dualhash.serve.http.middleware import Gate, Sealed
from dualhash.serve.routes import api, probes
from dualhash.serve.settings import Settings
from dualhash.version import __version__

PAGE = Path(__file__).with_name("page")

DESCRIPTION = """\
Searches a collection of images by category, by attributes, or by both. Where a server asks for a
token, show it as `Authorization: Bearer TOKEN`. Errors are `application/problem+json`; their `type`
is stable, their `detail` is a sentence for people.
"""


class _Application(FastAPI):
    """All of its answers are sealed: those to what nobody has caught, too."""

    def build_middleware_stack(self) -> ASGIApp:
        return Heads(Sealed(super().build_middleware_stack(), cors=self.state.cors))


def create_app(
    path: str | Path, model: str | Path | None = None, settings: Settings | None = None
) -> FastAPI:
    """An ASGI app that serves an index; its lifespan opens and closes it.

    Args:
        path: The index file.
        model: The model folder, where it is not where it was when the index was made.
        settings: How to serve; the defaults are for one person on this machine.
    """
    settings = settings or Settings()
    service = Service(Path(path), None if model is None else Path(model), settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        watch = asyncio.create_task(service.live.watch())
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
    explain(app)
    app.include_router(api)
    app.include_router(probes)
    _serve_page(app)
    _describe(app)
    app.add_middleware(Gate, settings=settings, check_room=service.check_room)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(Counted, metrics=service.metrics, routes=[*api.routes, *probes.routes])
    return app


def _serve_page(app: FastAPI) -> None:
    """Its files by their names; all other addresses stay the API's to answer for."""
    for folder in ("script", "style"):
        app.mount(f"/{folder}", StaticFiles(directory=PAGE / folder))

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/icon.svg", include_in_schema=False)
    async def icon() -> FileResponse:
        return FileResponse(PAGE / "icon.svg")


def _describe(app: FastAPI) -> None:
    """Adds to the OpenAPI description what is read and raised by hand."""
    described = app.openapi()
    for (method, path), example in examples.ANSWERS.items():
        answered = described["paths"][path][method]["responses"]["200"]["content"]
        answered["application/json"]["example"] = example
    described["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    described["security"] = [{}, {"token": []}]  # not every server asks for one
    for model in (schemas.Search, ProblemBody):
        described["components"]["schemas"][model.__name__] = model.model_json_schema(
            ref_template="#/components/schemas/{model}"
        )
