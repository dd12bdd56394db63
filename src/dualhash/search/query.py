"""From what a user searches with to a code."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dualhash.catalogue.images import ImageLike, image_name
from dualhash.catalogue.vectors import read_array
from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.results import CodedItem, ItemLabels, Query
from dualhash.search.storage.header import Header

QueryLike = (
    str | Path | bytes | Image.Image | int | np.integer | NDArray[np.uint8] | NDArray[np.floating]
)
"""An image (a file, the content of one, an image of Pillow, or an RGB array (h, w, 3) uint8), an id
as 17 or "id:17", a packed code (k/8,) uint8, or a vector (d,) float16 or float32, also as a `.npy`
file."""


class CodedItems(Protocol):
    """Items with codes; a query may be one of them."""

    @property
    def header(self) -> Header:
        """The properties that all codes share."""

    @property
    def model(self) -> Model:
        """The model that made the codes; opened when it is first needed.

        Raises:
            DualhashError: It was moved or replaced.
        """

    def reading(self) -> AbstractContextManager[None]:
        """In this block changes by others are not seen, if the source can do that."""

    def get(self, item: int) -> CodedItem:
        """Returns the item with an id, with its code.

        Raises:
            DualhashError: No item has this id.
        """


def encode(
    queries: Sequence[QueryLike | None], source: CodedItems
) -> dict[int, NDArray[np.uint8] | Failure]:
    """Returns packed codes (k/8,), or why there is none, of images and vectors, by row.

    Raises:
        DualhashError: The model cannot be opened.
    """
    images = {row: query for row, query in enumerate(queries) if is_image(query)}
    vectors = {row: query for row, query in enumerate(queries) if is_vector(query)}
    codes: dict[int, NDArray[np.uint8] | Failure] = {}
    for row, query in vectors.items():
        try:
            (codes[row],) = source.model.encode_vectors(read_vector(query)[None], None).codes
        except DualhashError as error:
            codes[row] = Failure(row, query_name(query), str(error))
    if not images:
        return codes
    model, rows = source.model, list(images)
    try:
        encoded = model.encode([*images.values()], views=source.header.views)
    except DualhashError as error:
        failures = {
            row: Failure(row, image_name(query), str(error)) for row, query in images.items()
        }
        return codes | failures
    codes |= zip((rows[i] for i in encoded.rows), encoded.codes, strict=True)
    return codes | {rows[failure.row]: failure for failure in encoded.failures}


def resolve(
    query: QueryLike, source: CodedItems, code: NDArray[np.uint8] | Failure | None
) -> Query:
    """Returns a query with its code, its labels and what the code predicts.

    Args:
        query: Of any kind.
        source: The index that is searched.
        code: What `encode` returned for it; None if it is neither an image nor a vector.

    Raises:
        DualhashError: It cannot be read, is not a query, or does not fit the index.
    """
    image: ImageLike | None = None
    item, labels = as_id(query), ItemLabels()
    if item is not None:
        stored = source.get(item)
        code, image, labels = stored.code, stored.image, stored.labels
    elif isinstance(code, Failure):
        hint = f" Write an id as id:{code.image}." if code.image.isdecimal() else ""
        if isinstance(query, np.ndarray) and query.ndim != 1:
            hint = " A packed code and a vector have one dimension."
        raise DualhashError(f"The query cannot be used: {code.reason}{hint}")
    elif code is not None:
        image = image_of(query)
    elif isinstance(query, np.ndarray):
        code = check_codes(query, source.header, dimensions=1)
    else:
        raise not_a_query(query)
    header = source.header
    (prediction,) = header.predict(code[None])
    return Query(code, image, item, labels, prediction)


def is_image(query: object) -> TypeGuard[ImageLike]:
    """Whether a query is an image; an array is one unless it has one dimension, as codes have."""
    if is_vector(query):
        return False
    if isinstance(query, str):
        return not query.startswith("id:")
    if isinstance(query, np.ndarray):
        return query.ndim != 1
    return isinstance(query, Path | bytes | Image.Image)


def image_of(query: object) -> ImageLike | None:
    """Returns the image that a query is, a path as text; None for an id, a code or a vector."""
    if not is_image(query):
        return None
    return str(query) if isinstance(query, Path) else query


def is_vector(query: object) -> TypeGuard[str | Path | NDArray[np.floating]]:
    """Whether a query is a vector, or a `.npy` file."""
    if isinstance(query, np.ndarray):
        return query.ndim == 1 and query.dtype.kind == "f"
    return isinstance(query, str | Path) and Path(query).suffix == ".npy"


def read_vector(query: str | Path | NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns a vector (d,), read from a `.npy` file of (d,) or (1, d).

    Raises:
        DualhashError: The file cannot be read, or holds something else.
    """
    if isinstance(query, np.ndarray):
        return query
    values = read_array(query)
    if values.ndim != 1 and values.shape[:-1] != (1,):
        raise DualhashError(
            f"{query} holds an array of shape {values.shape}; a query is one vector (values,)."
        )
    return values.reshape(-1)


def query_name(query: QueryLike) -> str:
    """How messages name a query."""
    if isinstance(query, np.ndarray) and is_vector(query):
        return "a vector"
    return image_name(query) if is_image(query) else str(query)


def not_a_query(query: object) -> DualhashError:
    """Returns the error for a query of the wrong type."""
    return DualhashError(
        "A query is an image (a file, the content of one, an image of Pillow or an RGB array), an "
        f"id, a packed code or a vector, not {type(query).__name__}."
    )


def as_id(query: object) -> int | None:
    """Returns the id in 17 or "id:17"; None if the query is something else.

    Raises:
        DualhashError: There is no number after `id:`.
    """
    if isinstance(query, int | np.integer) and not isinstance(query, bool):
        return int(query)
    if not isinstance(query, str) or not query.startswith("id:"):
        return None
    try:
        return int(query.removeprefix("id:"))
    except ValueError as error:
        raise DualhashError(f"{query!r} is not an id; write one as id:17.") from error


def check_codes(codes: NDArray[Any], header: Header, *, dimensions: int) -> NDArray[np.uint8]:
    """Returns packed codes, (k/8,) or (n, k/8), if they have the length of an index's codes.

    Raises:
        DualhashError: They have another length, shape or type.
    """
    width = header.bits // 8
    if (
        not isinstance(codes, np.ndarray)
        or codes.dtype != np.uint8
        or codes.ndim != dimensions
        or codes.shape[-1] != width
    ):
        raise DualhashError(
            f"The index holds codes of {header.bits} bits, {width} bytes each as uint8; these are "
            f"{describe_array(codes)}."
        )
    return codes


def describe_array(values: object) -> str:
    """How messages describe an array, or what was given in place of one."""
    if isinstance(values, np.ndarray):
        return f"{values.dtype} of shape {values.shape}"
    return f"a {type(values).__name__}, not a NumPy array"


def find_model(index: object, header: Header) -> Model:
    """Opens the model that made the codes of an index.

    Args:
        index: The index, as messages name it.
        header: Its header.

    Raises:
        DualhashError: The model was moved or replaced, or there is none.
    """
    if header.model_folder is None:
        raise DualhashError(
            f"{index} was created from codes, without a model, so it cannot encode images. Search "
            "by id or by code."
        )
    try:
        model = Model.open(header.model_folder)
    except DualhashError as error:
        raise DualhashError(
            f"{index} needs its model for this query. {error} Give its folder with the option "
            "`model`."
        ) from error
    check_model(index, header, model)
    return model


def check_model(index: object, header: Header, model: Model) -> None:
    """Refuses a model that did not make the codes of an index."""
    if header.model_folder is None:
        raise DualhashError(f"{index} was created from codes, so it belongs to no model.")
    if model.hash != header.model_hash:
        raise DualhashError(
            f"{index} holds codes of another model than {model.folder} ({header.bits} bits, "
            f"model {header.model_hash[:12]}, not {model.bits} bits, model {model.hash[:12]}). "
            "Use the model that made the index, or index the images again with this model."
        )
