"""What a user asks with, to a code."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model, predict
from dualhash.errors import DualhashError
from dualhash.search.results import Item, ItemLabels, Query
from dualhash.search.storage.header import Header

QueryLike = str | Path | int | NDArray[np.uint8]
"""An image file, an id as 17 or "id:17", or a packed code (k/8,)."""


class Source(Protocol):
    """Items with codes, of which a query may be one."""

    @property
    def header(self) -> Header:
        """What is known of all the codes."""

    def reading(self) -> AbstractContextManager[None]:
        """What others write in the meantime is not seen in this block, where that can be."""

    def item(self, item: int) -> tuple[NDArray[np.uint8], Item]:
        """The packed code (k/8,) of an id, and what is kept beside it.

        Raises:
            DualhashError: There is no such id.
        """


def encode_images(
    queries: Sequence[QueryLike | None], model: Callable[[], Model], views: int
) -> dict[int, NDArray[np.uint8] | Failure]:
    """Packed codes (k/8,) of those queries that are image files, by row, or why there is none.

    Args:
        queries: Of any kind.
        model: Opens the model; called only if there is an image file.
        views: Of each image.

    Raises:
        DualhashError: The model cannot be opened.
    """
    rows = [row for row, query in enumerate(queries) if _is_image(query)]
    if not rows:
        return {}
    encoded = model().encode([str(queries[row]) for row in rows], views=views)
    failed = {
        rows[failure.row]: replace(
            failure, row=rows[failure.row], reason=f"The query cannot be used: {failure.reason}"
        )
        for failure in encoded.failures
    }
    return dict(zip([rows[i] for i in encoded.rows], encoded.codes, strict=True)) | failed


def resolve(query: QueryLike, source: Source, code: NDArray[np.uint8] | None) -> Query:
    """The code of a query, and what is known of it.

    Args:
        query: Of any kind.
        source: What is searched.
        code: (k/8,) of an image file; None for other queries.

    Raises:
        DualhashError: It is not a query, or does not fit the index.
    """
    image, item, labels = None, as_id(query), ItemLabels()
    if item is not None:
        code, kept = source.item(item)
        image, labels = kept.image, kept.labels
    elif isinstance(query, np.ndarray):
        check_codes(query, source.header, dimensions=1)
        code = query
    elif code is not None:
        image = str(query)
    else:
        raise DualhashError(
            f"A query is an image file, an id or a packed code, not {type(query).__name__}."
        )
    header = source.header
    (prediction,) = predict(code[None], header.category_head, header.attribute_head)
    return Query(code, image, item, labels, prediction)


def _is_image(query: object) -> bool:
    return isinstance(query, Path) or (isinstance(query, str) and not query.startswith("id:"))


def as_id(query: object) -> int | None:
    """The id that a query states, 17 or "id:17"; None where it is something else.

    Raises:
        DualhashError: What follows `id:` is not a number.
    """
    if isinstance(query, int | np.integer) and not isinstance(query, bool):
        return int(query)
    if not isinstance(query, str) or not query.startswith("id:"):
        return None
    try:
        return int(query.removeprefix("id:"))
    except ValueError as error:
        raise DualhashError(f"{query!r} is not an id; write one as id:17.") from error


def check_codes(codes: NDArray[np.uint8], header: Header, *, dimensions: int) -> None:
    """Refuses arrays that are not packed codes, (k/8,) or (n, k/8), of an index's length."""
    width = header.bits // 8
    if codes.dtype != np.uint8 or codes.ndim != dimensions or codes.shape[-1] != width:
        raise DualhashError(
            f"The index holds codes of {header.bits} bits, {width} bytes each as uint8; these are "
            f"{codes.dtype} of shape {codes.shape}."
        )
