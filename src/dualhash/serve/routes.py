"""The addresses of the API."""

from functools import partial
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from dualhash.serve import openapi_examples as examples
from dualhash.serve import schemas
from dualhash.serve.backend import responses as answers
from dualhash.serve.backend.service import Service
from dualhash.serve.http.errors import KINDS, Problem
from dualhash.serve.uploads.thumbnails import Side

api = APIRouter(prefix="/api/v1", tags=["search"])
probes = APIRouter(tags=["operation"])

Id = Annotated[int, Path(ge=0, le=schemas.LAST_ID, description="Id of an item.")]


SHARED = ("unknown-host", "token-needed", "too-many-requests", "busy", "index-unusable")
"""How every address may refuse."""


OPEN: dict[str, Any] = {"security": []}
"""What no token is needed for."""


def refusals(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """How an address answers where it refuses; the kinds that all share included."""
    found: dict[int, list[str]] = {}
    for kind in (*kinds, *SHARED):
        status, title = KINDS[kind]
        found.setdefault(status, []).append(f"`{kind}`: {title}.")
    schema = {"schema": {"$ref": "#/components/schemas/ProblemBody"}}
    return {
        status: {
            "description": " ".join(sorted(set(said))),
            "content": {"application/problem+json": schema},
        }
        for status, said in sorted(found.items())
    }


def service_of(request: Request) -> Service:
    """What the app serves."""
    service: Service = request.app.state.service
    return service


@api.post(
    "/search",
    responses=refusals(
        *("bad-request", "item-not-found", "upload-slow", "upload-too-large", "too-many-pixels"),
        "index-replaced",
        *("not-an-image", "wrong-content-type", "image-damaged", "image-too-costly"),
        *("invalid-request", "query-refused", "model-unavailable"),
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Search"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["image"],
                        "additionalProperties": False,
                        "properties": {
                            "image": {"type": "string", "format": "binary"},
                            "search": {"$ref": "#/components/schemas/Search"},
                        },
                    },
                    "example": examples.UPLOAD,
                    "encoding": {
                        "image": {"contentType": "image/jpeg, image/png, image/webp, image/gif"},
                        "search": {"contentType": "application/json"},
                    },
                },
            },
        }
    },
)
async def search(request: Request) -> schemas.SearchAnswer:
    """Search by an uploaded image, an item of the index, or attributes alone."""
    service = service_of(request)
    async with service.intake.question(request) as question:
        return await service.answer(question)


@api.get("/items/{number}", responses=refusals("item-not-found", "invalid-request"))
async def item(request: Request, number: Id) -> schemas.Item:
    """What is known of an item: its labels, and what its code says."""
    return await service_of(request).look_up(partial(answers.item, number=number))


@api.get(
    "/items/{number}/thumbnail",
    responses={
        200: {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "It has not changed."},
        **refusals("item-not-found", "image-missing", "invalid-request"),
    },
    response_class=Response,
)
async def thumbnail(
    request: Request,
    number: Id,
    side: Side = Side.MEDIUM,
    v: Annotated[
        str | None, Query(description="Version of the index; without it browsers ask each time.")
    ] = None,
) -> Response:
    """A small WebP of an item's image, made anew from its pixels."""
    image, tag = await service_of(request).thumbnail(number, side)
    headers = {"ETag": tag, "Cache-Control": f"private, {'max-age=300' if v else 'no-cache'}"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(image, media_type="image/webp", headers=headers)


@api.get("/attributes", responses=refusals())
async def attributes(request: Request) -> schemas.Attributes:
    """The attributes that can be asked for, by facet, and the categories."""
    return await service_of(request).known(answers.facets)


@api.get("/fields", responses=refusals())
async def fields(request: Request) -> schemas.Fields:
    """The fields that `filter` can ask for, with their common values."""
    return await service_of(request).known(answers.fields)


@api.get("/bits", responses=refusals())
async def bits(request: Request) -> schemas.Bits:
    """Which attributes each bit of a code says most about."""
    return await service_of(request).known(answers.bits)


@api.get("/model", responses=refusals())
async def model(request: Request) -> schemas.Model:
    """What a program needs to read codes: names, and the weights of both heads."""
    return await service_of(request).known(answers.model)


@api.get("/samples", responses=refusals("invalid-request"))
async def samples(
    request: Request,
    count: Annotated[int, Query(ge=1, le=50, description="How many.")] = 12,
    seed: Annotated[int | None, Query(ge=0, lt=2**63, description="Draws the same again.")] = None,
) -> schemas.Samples:
    """Items drawn at random, to begin with."""
    rng = np.random.default_rng(seed)
    return await service_of(request).look_up(partial(answers.samples, count=count, rng=rng))


@api.get("/stats", responses=refusals())
async def stats(request: Request) -> schemas.Stats:
    """What is served, and what is wrong with it."""
    return await service_of(request).stats()


@probes.get("/healthz", openapi_extra=OPEN)
async def healthz() -> schemas.Health:
    """The server is there."""
    return schemas.Health(status="ok")


@probes.get("/readyz", responses={503: refusals()[503]}, openapi_extra=OPEN)
async def readyz(request: Request) -> schemas.Health:
    """Searches are answered."""
    if problem := service_of(request).unready():
        raise Problem("index-unusable", problem)
    return schemas.Health(status="ok")


@probes.get("/metrics", responses=refusals(), response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """What is measured, in Prometheus' text format."""
    return PlainTextResponse(service_of(request).measured(), media_type=CONTENT_TYPE_LATEST)
