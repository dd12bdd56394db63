"""Errors as clients see them: problem+json (RFC 9457) with a plain sentence."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException

from dualhash.errors import DualhashError
from dualhash.search.storage.sqlite import UnusableIndexError

PREFIX = "urn:dualhash:problem:"

KINDS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be understood"),
    "unknown-host": (400, "This server does not go by that name"),
    "token-needed": (401, "A token is needed"),
    "not-found": (404, "There is nothing at this address"),
    "item-not-found": (404, "There is no such item"),
    "image-missing": (404, "The item's image cannot be read"),
    "method-not-allowed": (405, "This address answers to other methods"),
    "upload-slow": (408, "The upload took too long"),
    "index-replaced": (409, "Another index took its place"),
    "upload-too-large": (413, "The upload is too large"),
    "too-many-pixels": (413, "The image has too many pixels"),
    "not-an-image": (415, "The upload is not an image"),
    "wrong-content-type": (415, "The request is of another type"),
    "image-damaged": (422, "The image is damaged"),
    "image-too-costly": (422, "The image takes too much to unpack"),
    "invalid-request": (422, "The request is not valid"),
    "query-refused": (422, "This cannot be searched for"),
    "too-many-requests": (429, "Too many requests"),
    "head-too-large": (431, "The request's head is too large"),
    "failed": (500, "The server failed"),
    "busy": (503, "The server is busy"),
    "model-unavailable": (503, "The model is not there"),
    "index-unusable": (503, "The index cannot be used"),
}
"""Kind: (status, title)."""

RETRY_SECONDS = {408: 1, 429: 1, 503: 1}


class ProblemBody(BaseModel):
    """What went wrong.

    Attributes:
        type: Names the kind of problem; stable.
        title: The kind in words.
        status: Of the response.
        detail: What is wrong with this request and what to do, as a plain sentence.
    """

    type: str
    title: str
    status: int
    detail: str

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:dualhash:problem:item-not-found",
                    "title": "There is no such item",
                    "status": 404,
                    "detail": "The index has no item with the id 99.",
                }
            ]
        }
    )


class Problem(Exception):  # noqa: N818 - what RFC 9457 calls it
    """Raised wherever a request has to be refused."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail

    @property
    def status(self) -> int:
        """The response's status."""
        return KINDS[self.kind][0]

    def response(self) -> JSONResponse:
        """What the client gets."""
        status, title = KINDS[self.kind]
        body = ProblemBody(type=PREFIX + self.kind, title=title, status=status, detail=self.detail)
        headers = {}
        if status in RETRY_SECONDS:
            headers["Retry-After"] = str(RETRY_SECONDS[status])
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(
            body.model_dump(), status, headers, media_type="application/problem+json"
        )


def invalid(error: ValidationError | RequestValidationError) -> Problem:
    """The first of what is not valid, as a sentence."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "path", "query"))
    said = first["msg"].removeprefix("Value error, ")
    return Problem("invalid-request", f"{where}: {said}." if where else f"{said}.")


def explain(app: FastAPI) -> None:
    """Turns everything that is raised into a problem."""

    async def problem(_: Request, error: Exception) -> JSONResponse:
        return _problem_of(error).response()

    for raised in (Problem, DualhashError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(raised, problem)


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, UnusableIndexError):
        return Problem("index-unusable", str(error))
    if isinstance(error, DualhashError):
        return Problem("query-refused", str(error))
    if isinstance(error, RequestValidationError):
        return invalid(error)
    if isinstance(error, HTTPException):
        return _of_http(error)
    return Problem("failed", "This is a fault of the server; its log says more.")


def _of_http(error: HTTPException) -> Problem:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return Problem("not-found", "There is nothing at this address; the API is at /api/v1.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return Problem("method-not-allowed", "This address answers to other methods.")
    return Problem("bad-request", f"{error.detail}")
