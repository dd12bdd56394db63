"""What a user asks with, to a code."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.model import Model, predict
from dualhash.errors import DualhashError
from dualhash.search.index_file import Header
from dualhash.search.results import Labels, Query
from dualhash.search.store import Store

QueryLike = str | Path | int | NDArray[np.uint8]
"""An image file, an id as 17 or "id:17", or a packed code (k/8,)."""


def resolve(query: QueryLike, store: Store, model: Callable[[], Model]) -> Query:
    """The code of a query, and what is known of it.

    Args:
        query: Of any kind.
        store: The index that is searched.
        model: Opens the model; called for image files only.

    Raises:
        DualhashError: It is not a query, cannot be read, or does not fit the index.
    """
    image, item, labels = None, as_id(query), Labels()
    if item is not None:
        code, kept = store.item(item)
        image, labels = kept.image, kept.labels
    elif isinstance(query, np.ndarray):
        check_codes(query, store.header, dimensions=1)
        code = query
    elif isinstance(query, str | Path):
        image = str(query)
        code = _encode(image, model(), store.header.views)
    else:
        raise DualhashError(
            f"A query is an image file, an id or a packed code, not {type(query).__name__}."
        )
    header = store.header
    (prediction,) = predict(code[None], header.category_head, header.attribute_head)
    return Query(code, image, item, labels, prediction)


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


def _encode(image: str, model: Model, views: int) -> NDArray[np.uint8]:
    encoded = model.encode([image], views=views)
    if encoded.failures:
        raise DualhashError(f"The query cannot be used: {encoded.failures[0].reason}")
    (code,) = encoded.codes
    return np.asarray(code)
