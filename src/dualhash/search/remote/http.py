"""An index behind a server that was started by `dualhash serve`."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from typing import Any, Unpack
from urllib.error import HTTPError
from urllib.parse import parse_qs, urldefrag
from urllib.request import Request, urlopen
from uuid import uuid4

import numpy as np
from PIL import Image

from dualhash.catalogue.images import ImageLike, decode
from dualhash.codes import model as codes_model
from dualhash.codes.encoder import Failure
from dualhash.errors import DualhashError
from dualhash.search.query import (
    QueryLike,
    as_id,
    check_codes,
    check_model,
    image_of,
    is_image,
    is_vector,
    not_a_query,
    query_name,
    read_vector,
)
from dualhash.search.remote.base import RemoteIndex
from dualhash.search.remote.messages import LAST_OFFSET, MOST_RESULTS, Model, SearchResponse
from dualhash.search.request import SearchOptions, make_request
from dualhash.search.results import Results
from dualhash.search.storage.header import Header

TOKEN_VARIABLE = "DUALHASH_TOKEN"

TIMEOUT = 60.0
"""Seconds to wait for a response."""

PAGE, MAX_RESULTS = MOST_RESULTS, LAST_OFFSET + MOST_RESULTS
"""Results that a server returns at a time, and of one search in all."""


class ServiceIndex(RemoteIndex):
    """An index behind a server. Use it in a `with` block, or close it."""

    def __init__(self, address: str, token: str | None = None) -> None:
        """Does not connect yet.

        Args:
            address: URL of the server, such as http://localhost:8000.
            token: The server's access token; None if it has none.
        """
        self.address = address.rstrip("/")
        self._token = token

    def close(self) -> None:
        """Does nothing: no connection is kept open."""

    def __len__(self) -> int:
        with self._checked_response():
            return int(self._request("/api/v1/stats")["items"])

    @cached_property
    def header(self) -> Header:
        """The properties that all codes share; the model's folder is not known."""
        with self._checked_response():
            return Model.model_validate(self._request("/api/v1/model")).read()

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """Returns what `Index.search` returns on the server, which also encodes images.

        The image of a result is the URL of its thumbnail. The server chooses `threads`.

        Raises:
            DualhashError: As for `Index.search`; or the server does not respond, a rank is above
                10,200, or the index was replaced between two pages of results.
        """
        request = make_request(options)
        if request.last > MAX_RESULTS:
            raise DualhashError(
                f"A server returns at most {MAX_RESULTS:,} results, not {request.last:,}; lower "
                "k or offset."
            )
        search, upload = self._query(query)
        search |= request.model_dump(exclude={"threads", "k", "offset"})
        search["task"] = request.task_for(
            query=query is not None, posterior=self.header.prefers_posterior
        )
        offset: int | None = request.offset
        if request.last > MAX_RESULTS - PAGE:  # the last page of a server begins there
            offset = request.offset // PAGE * PAGE
        pages: list[dict[str, Any]] = []
        with self._checked_response():
            while offset is not None and offset < request.last:
                search |= {"offset": offset, "k": min(PAGE, request.last - offset)}
                pages.append(self._search_page(search, upload))
                search["generation"] = pages[0]["index"]["generation"]
                offset = pages[-1]["next_offset"]
            read = [
                SearchResponse.model_validate(page).read(self.address, image_of(query))
                for page in pages
            ]
        hits = tuple(hit for page in read for hit in page if hit.rank > request.offset)
        return replace(read[0], hits=hits)

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """Yields what `search` returns for each query, or why it cannot be used."""
        for row, query in enumerate(queries):
            try:
                yield self.search(query, **options)
            except DualhashError as error:
                yield Failure(row, query_name(query), str(error))

    def _query(self, query: QueryLike | None) -> tuple[dict[str, Any], bytes | None]:
        """Returns the fields of a request that hold the query, and the content of an image."""
        if query is None:
            return {}, None
        item = as_id(query)
        if item is not None:
            return {"id": item}, None
        if is_vector(query):
            return {"vector": read_vector(query).tolist()}, None
        if is_image(query):
            return {}, _file_content(query)
        if not isinstance(query, np.ndarray):
            raise not_a_query(query)
        code = check_codes(query, self.header, dimensions=1)
        return {"code": code.tobytes().hex()}, None

    def _search_page(self, search: Mapping[str, Any], upload: bytes | None) -> dict[str, Any]:
        fields = json.dumps(search).encode()
        if upload is None:
            return self._request("/api/v1/search", fields, "application/json")
        boundary = uuid4().hex.encode()
        part = b"--" + boundary + b'\r\nContent-Disposition: form-data; name="'
        body = part + b'search"\r\n\r\n' + fields + b"\r\n"
        body += part + b'image"; filename="image"\r\n\r\n' + upload
        body += b"\r\n--" + boundary + b"--\r\n"
        kind = f"multipart/form-data; boundary={boundary.decode()}"
        return self._request("/api/v1/search", body, kind)

    def _request(
        self, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        headers = {"Content-Type": kind}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            request = Request(self.address + path, body, headers)
            with self._checked_response(), urlopen(request, timeout=TIMEOUT) as response:
                content: dict[str, Any] = json.loads(response.read())
        except HTTPError as error:
            raise DualhashError(f"{self.address}: {_sentence(error)}") from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise DualhashError(
                f"{self.address} cannot be reached: {reason}. Check the address, and that the "
                "server runs."
            ) from error
        return content

    @contextmanager
    def _checked_response(self) -> Iterator[None]:
        """Reads a response in this block, which may come from another kind of server."""
        try:
            yield
        except (LookupError, TypeError, ValueError) as error:
            raise DualhashError(
                f"{self.address} does not respond like a server of dualhash. Use the URL that "
                "`dualhash serve` prints."
            ) from error


def open_service(uri: str, model: codes_model.Model | None = None) -> ServiceIndex:
    """Opens the index that a server serves.

    Args:
        uri: URL of the server, such as http://localhost:8000, with ?token= as the server prints
            it; else the token is read from the environment variable DUALHASH_TOKEN. The part after
            a #, as in a URL copied from the page, is ignored.
        model: Must be the model that made the codes; the server encodes by itself.

    Raises:
        DualhashError: The server does not respond, needs another token, or its codes were made by
            another model.
    """
    address, _, query = urldefrag(uri).url.partition("?")
    (token,) = parse_qs(query).get("token", [os.environ.get(TOKEN_VARIABLE)])[:1]
    opened = ServiceIndex(address, token)
    header = opened.header
    if model:
        check_model(opened.address, header, model)
    return opened


def _file_content(image: ImageLike) -> bytes:
    """Returns the content of an image file; pixels as a PNG file, which keeps them exactly."""
    if isinstance(image, bytes):
        return image
    if isinstance(image, Image.Image | np.ndarray):
        file = BytesIO()
        decode(image).save(file, "PNG", compress_level=1)
        return file.getvalue()
    try:
        return Path(image).read_bytes()
    except OSError as error:
        raise DualhashError(f"{image} cannot be read: {error.strerror or error}.") from error


def _sentence(error: HTTPError) -> str:
    """Returns the error message of a server of dualhash, or the status of another server."""
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.code} {error.reason}."
