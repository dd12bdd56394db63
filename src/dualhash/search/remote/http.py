"""A server, started by `dualhash serve`, as an index that is searched."""

import json
import os
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack
from urllib.error import HTTPError
from urllib.parse import parse_qs, urldefrag
from urllib.request import Request, urlopen
from uuid import uuid4

import numpy as np

from dualhash.codes.encoder import Failure
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Model, Prediction
from dualhash.errors import DualhashError
from dualhash.search.model import check_model
from dualhash.search.query import QueryLike, as_id, check_codes
from dualhash.search.request import SearchOptions, make_request
from dualhash.search.results import Hit, ItemLabels, Query, Results
from dualhash.search.storage.header import Header

TOKEN_VARIABLE = "DUALHASH_TOKEN"

PATIENCE = 60.0
"""Seconds to wait for an answer."""

PAGE, MOST = 200, 10_200
"""Results that a server gives at a time, and of one search in all."""


class ServiceIndex:
    """An index behind a server. Use it in a `with` block, or close it."""

    def __init__(self, address: str, token: str | None = None) -> None:
        """Asks nothing yet.

        Args:
            address: Of the server, such as http://localhost:8000.
            token: What the server wants to be shown; None where it wants nothing.
        """
        self.address = address.rstrip("/")
        self._token = token

    def close(self) -> None:
        """Does nothing: no connection is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        said = self._asked("/api/v1/stats")
        with self._as_agreed():
            return int(said["items"])

    @cached_property
    def header(self) -> Header:
        """Bits, views, names, heads, and which model made the codes; its folder is not known."""
        said = self._asked("/api/v1/model")
        with self._as_agreed():
            return Header(
                bits=said["bits"],
                views=said["views"],
                model_hash=said["model"],
                model_folder=Path(),
                category_head=_head(said["category"], said["bits"]),
                attribute_head=_head(said["attribute"], said["bits"]),
                attribute_weight=said["attribute_weight"],
            )

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """What `Index.search` gives on the server; images are encoded there.

        The image of a result is the address of its thumbnail. `threads` is the server's choice.

        Raises:
            DualhashError: As there; or the server does not answer, ranks are above 10,200, or
                another index took the place of the one that had given the first results.
        """
        question = make_request(options, query=query is not None)
        if question.last > MOST:
            raise DualhashError(f"A server gives at most {MOST:,} results, not {question.last:,}.")
        search, upload = self._query(query)
        for name in ("task", "want", "without", "match", "filter", "ids", "radius"):
            search[name] = getattr(question, name)
        search |= {"threshold": question.threshold, "attribute_weight": question.attribute_weight}
        offset: int | None = question.offset
        if question.last > MOST - PAGE:  # which is where the last page of a server begins
            offset = question.offset // PAGE * PAGE
        pages: list[dict[str, Any]] = []
        while offset is not None and offset < question.last:
            search |= {"offset": offset, "k": min(PAGE, question.last - offset)}
            pages.append(self._searched(search, upload))
            with self._as_agreed():
                search["generation"] = pages[0]["index"]["generation"]
                offset = pages[-1]["next_offset"]
        with self._as_agreed():
            return self._results(pages, query, question.offset)

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """What `search` gives for each of many queries, or why it gives nothing."""
        for row, query in enumerate(queries):
            try:
                yield self.search(query, **options)
            except DualhashError as error:
                yield Failure(row, str(query), str(error))

    def _query(self, query: QueryLike | None) -> tuple[dict[str, Any], bytes | None]:
        """What asks, in words, and the content of an image file."""
        if query is None:
            return {}, None
        item = as_id(query)
        if item is not None:
            return {"id": item}, None
        if isinstance(query, np.ndarray):
            check_codes(query, self.header, dimensions=1)
            return {"code": query.tobytes().hex()}, None
        if not isinstance(query, str | Path):
            raise DualhashError(
                f"A query is an image file, an id or a packed code, not {type(query).__name__}."
            )
        try:
            return {}, Path(query).read_bytes()
        except OSError as error:
            raise DualhashError(f"{query} cannot be read: {error.strerror or error}.") from error

    def _searched(self, search: Mapping[str, Any], upload: bytes | None) -> dict[str, Any]:
        words = json.dumps(search, default=list).encode()
        if upload is None:
            return self._asked("/api/v1/search", words, "application/json")
        mark = uuid4().hex.encode()
        part = b"--" + mark + b'\r\nContent-Disposition: form-data; name="'
        body = part + b'search"\r\n\r\n' + words + b"\r\n"
        body += part + b'image"; filename="image"\r\n\r\n' + upload + b"\r\n--" + mark + b"--\r\n"
        return self._asked("/api/v1/search", body, f"multipart/form-data; boundary={mark.decode()}")

    def _asked(
        self, path: str, body: bytes | None = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        headers = {"Content-Type": kind}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            with urlopen(Request(self.address + path, body, headers), timeout=PATIENCE) as response:
                said: dict[str, Any] = json.loads(response.read())
        except HTTPError as error:
            raise DualhashError(f"{self.address}: {_sentence(error)}") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise DualhashError(f"{self.address} does not answer as expected: {reason}.") from error
        return said

    @contextmanager
    def _as_agreed(self) -> Iterator[None]:
        """Reads an answer in this block, which may be that of another kind of server."""
        try:
            yield
        except (LookupError, TypeError, ValueError) as error:
            raise DualhashError(
                f"{self.address} does not answer like a server of dualhash. Give the address that "
                "`dualhash serve` prints."
            ) from error

    def _results(
        self, pages: list[dict[str, Any]], query: QueryLike | None, offset: int
    ) -> Results:
        first = pages[0]
        image = str(query) if isinstance(query, str | Path) and as_id(query) is None else None
        return Results(
            task=first["task"],
            bits=first["bits"],
            query=first["query"] and self._found(first["query"], image),
            conditions=first["conditions"],
            matched=first["matched"],
            hits=tuple(
                self._hit(hit) for page in pages for hit in page["hits"] if hit["rank"] > offset
            ),
            threshold=first["threshold"],
            attribute_weight=first["attribute_weight"],
        )

    def _found(self, said: Mapping[str, Any], image: str | None) -> Query:
        labelled = {
            each["name"]: each["present"]
            for each in said["attributes"]
            if each["source"] == "labelled"
        }
        category = said["category"]
        return Query(
            code=_code(said["code"]),
            image=image if said["thumbnail"] is None else self.address + said["thumbnail"],
            id=said["id"],
            labels=ItemLabels(_label(category), labelled),
            prediction=Prediction(
                category["predicted"],
                category["probability"],
                {each["name"]: each["probability"] for each in said["attributes"]},
            ),
        )

    def _hit(self, said: Mapping[str, Any]) -> Hit:
        return Hit(
            rank=said["rank"],
            id=said["id"],
            distance=said["distance"],
            score=said["score"],
            probabilities=said["probabilities"],
            image=self.address + said["thumbnail"],
            labels=ItemLabels(_label(said["category"]), said["labels"]),
            payload=said["payload"],
            code=_code(said["code"]),
        )


def open_service(uri: str, model: Model | None = None) -> ServiceIndex:
    """Opens what a server serves.

    Args:
        uri: Address of the server, such as http://localhost:8000; with ?token= as it prints it,
            or else the token is taken from the environment, DUALHASH_TOKEN. What follows a # in an
            address copied from the page is left out.
        model: Checked to be the one that made the codes; the server encodes by itself.

    Raises:
        DualhashError: The server does not answer, wants another token, or serves another model's.
    """
    address, _, query = urldefrag(uri).url.partition("?")
    (token,) = parse_qs(query).get("token", [os.environ.get(TOKEN_VARIABLE)])[:1]
    opened = ServiceIndex(address, token)
    header = opened.header
    if model:
        check_model(opened.address, header, model)
    return opened


def _head(said: Mapping[str, Any], bits: int) -> LinearHead:
    weight, bias = (np.frombuffer(b64decode(said[name]), "<f4") for name in ("weight", "bias"))
    return LinearHead(
        tuple(said["names"]),
        weight.reshape(-1, bits).astype(np.float32),
        bias.astype(np.float32),
    )


def _code(text: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(bytes.fromhex(text), np.uint8)


def _label(category: Mapping[str, Any]) -> str | None:
    name: str | None = category["name"] if category["source"] == "labelled" else None
    return name


def _sentence(error: HTTPError) -> str:
    """What a server says of an error; of another kind of server its status."""
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"{error.code} {error.reason}."
