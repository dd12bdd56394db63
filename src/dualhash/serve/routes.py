"""The addresses of the API."""

from functools import partial
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from dualhash.search.remote import messages
from dualhash.search.remote.item_messages import Item
from dualhash.search.storage.reader import LAST_ID
from dualhash.serve import schemas
from dualhash.serve.backend import responses
from dualhash.serve.backend.service import Service
from dualhash.serve.http.errors import ProblemError
from dualhash.serve.openapi import problems
from dualhash.serve.uploads.thumbnails import Side

api = APIRouter(prefix="/api/v1", tags=["search"])
probes = APIRouter(tags=["operation"])


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
Id = Annotated[int, Path(ge=0, le=LAST_ID, description="Id of an item.")]


@api.post(
    "/search",
    response_model=messages.SearchResponse,
    responses=problems(
        *("item-not-found", "upload-slow", "upload-too-large", "too-many-pixels"),
        *("index-replaced", "not-an-image", "wrong-content-type", "unsupported-content-encoding"),
        *("image-damaged", "image-too-costly", "invalid-request", "query-refused"),
        "model-unavailable",
    ),
)
async def search(request: Request, service: ServiceDep) -> Response:
    """Search with an uploaded image, an item of the index, a vector, or attributes alone."""
    async with service.body_reader.search(request) as incoming:
        return Response(await service.search(incoming), media_type="application/json")


@api.get("/items/{number}", responses=problems("item-not-found", "invalid-request"))
async def item(service: ServiceDep, number: Id) -> Item:
    """Returns the labels, predictions and payload of an item."""
    return await service.read(partial(responses.item, number=number))


@api.get(
    "/items/{number}/thumbnail",
    responses={
        200: {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The thumbnail has not changed."},
        **problems("item-not-found", "image-missing", "invalid-request"),
    },
    response_class=Response,
)
async def thumbnail(
    request: Request,
    service: ServiceDep,
    number: Id,
    side: Side = Side.MEDIUM,
    v: Annotated[
        str | None, Query(description="Version of the index; without it browsers revalidate.")
    ] = None,
) -> Response:
    """Returns a small WebP of an item's image, without metadata."""
    image, tag = await service.thumbnail(number, side)
    headers = {"ETag": tag, "Cache-Control": f"private, {'max-age=300' if v else 'no-cache'}"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(image, media_type="image/webp", headers=headers)


@api.get("/attributes", responses=problems())
async def attributes(service: ServiceDep) -> schemas.Attributes:
    """Returns the attributes of the model by facet, and its categories."""
    return await service.read_cached(responses.attributes_by_facet)


@api.get("/fields", responses=problems())
async def fields(service: ServiceDep) -> schemas.Fields:
    """Returns the fields of `filter` with their common values."""
    return await service.read_cached(responses.fields)


@api.get("/bits", responses=problems())
async def bits(service: ServiceDep) -> schemas.Bits:
    """Returns the attributes that each bit of a code contributes to."""
    return await service.read_cached(responses.bits)


@api.get("/model", responses=problems())
async def model(service: ServiceDep) -> messages.Model:
    """Returns what a program needs to read codes: names, and the weights of both heads."""
    return await service.read_cached(responses.model)


@api.get("/samples", responses=problems("invalid-request"))
async def samples(
    service: ServiceDep,
    count: Annotated[int, Query(ge=1, le=50, description="Number of items.")] = 12,
    seed: Annotated[
        int | None, Query(ge=0, lt=2**63, description="The same seed draws the same items.")
    ] = None,
) -> schemas.Samples:
    """Returns items drawn at random."""
    rng = np.random.default_rng(seed)
    return await service.read(partial(responses.samples, count=count, rng=rng))


@api.get("/stats", responses=problems())
async def stats(service: ServiceDep) -> schemas.Stats:
    """Returns the size of the index, and what is wrong with it."""
    return await service.stats()


@probes.get("/healthz")
async def healthz() -> schemas.Health:
    """The server runs."""
    return schemas.Health(status="ok")


@probes.get("/readyz", responses={503: problems()[503]})
async def readyz(service: ServiceDep) -> schemas.Health:
    """The server answers searches."""
    if problem := service.watcher.unusable:
        raise ProblemError("index-unusable", problem)
    return schemas.Health(status="ok")


@probes.get("/metrics", responses=problems(), response_class=PlainTextResponse)
async def metrics(service: ServiceDep) -> PlainTextResponse:
    """Returns metrics in Prometheus' text format."""
    return PlainTextResponse(service.metrics_text(), media_type=CONTENT_TYPE_LATEST)
