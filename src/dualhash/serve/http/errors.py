"""Errors as clients see them: problem details for HTTP APIs (RFC 9457)."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from dualhash.errors import DualhashError
from dualhash.search.request import sentence
from dualhash.search.storage.sqlite import ItemNotFoundError, UnusableIndexError

TYPE_PREFIX = "urn:dualhash:problem:"

KINDS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request is malformed"),
    "unknown-host": (400, "The server does not have this host name"),
    "token-needed": (401, "A token is needed"),
    "not-found": (404, "This address does not exist"),
    "item-not-found": (404, "This item does not exist"),
    "image-missing": (404, "The item's image cannot be read"),
    "method-not-allowed": (405, "This address does not support the method"),
    "upload-slow": (408, "The upload took too long"),
    "index-replaced": (409, "The index was replaced"),
    "upload-too-large": (413, "The upload is too large"),
    "too-many-pixels": (413, "The image has too many pixels"),
    "not-an-image": (415, "The upload is not an image"),
    "wrong-content-type": (415, "The content type is not supported"),
    "unsupported-content-encoding": (415, "Compressed bodies are not supported"),
    "image-damaged": (422, "The image is damaged"),
    "image-too-costly": (422, "Decoding the image takes too much time or memory"),
    "invalid-request": (422, "The request is not valid"),
    "query-refused": (422, "This search is not possible"),
    "too-many-requests": (429, "Too many requests"),
    "head-too-large": (431, "The request line and headers are too large"),
    "failed": (500, "Internal server error"),
    "unsupported-transfer-encoding": (501, "The transfer encoding is not supported"),
    "busy": (503, "The server is busy"),
    "model-unavailable": (503, "The model is not available"),
    "index-unusable": (503, "The index cannot be used"),
}
"""Status and title of each kind of problem."""

KIND_OF_ERROR: dict[type[DualhashError], str] = {
    ItemNotFoundError: "item-not-found",
    UnusableIndexError: "index-unusable",
    DualhashError: "query-refused",
}
"""Kind of problem for errors of the library; the first match counts."""

PROBLEM_OF_STATUS = {
    404: ("not-found", "This address does not exist; the API is at /api/v1."),
    405: ("method-not-allowed", "This address supports other methods."),
}
"""Kind and detail of errors of the framework, by status; others are bad requests."""

RETRY_STATUSES = {408, 429, 503}
"""Responses with these statuses have a Retry-After header."""


class ProblemDetails(BaseModel):
    """What went wrong, as application/problem+json."""

    type: str
    """Kind of the problem; stable across versions."""
    title: str
    """The kind in words."""
    status: int
    """Status of the response."""
    detail: str
    """What is wrong with this request and what to do."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class ProblemError(Exception):
    """A request is refused: the kind of problem and a sentence for people."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind, self.detail = kind, detail

    def response(self) -> JSONResponse:
        """Returns the response with the problem details."""
        status, title = KINDS[self.kind]
        body = ProblemDetails(
            type=TYPE_PREFIX + self.kind, title=title, status=status, detail=self.detail
        )
        headers = {}
        if status in RETRY_STATUSES:
            headers["Retry-After"] = "1"
        if self.kind == "unsupported-content-encoding":
            headers["Accept-Encoding"] = "identity"
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(
            body.model_dump(), status, headers, media_type="application/problem+json"
        )


def add_error_handlers(app: FastAPI) -> None:
    """Makes the app answer every exception with problem details."""

    async def handle(_: Request, error: Exception) -> JSONResponse:
        return _problem_of(error).response()

    for raised in (ProblemError, DualhashError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(raised, handle)


def _problem_of(error: Exception) -> ProblemError:
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        _, *location = first["loc"]  # after "path" or "query"
        return ProblemError("invalid-request", sentence({**first, "loc": location}, ()))
    if isinstance(error, HTTPException):
        kind, detail = PROBLEM_OF_STATUS.get(error.status_code, ("bad-request", f"{error.detail}"))
        return ProblemError(kind, detail)
    for raised, kind in KIND_OF_ERROR.items():
        if isinstance(error, raised):
            return ProblemError(kind, str(error))
    return ProblemError("failed", "The server failed; its log has the details.")
