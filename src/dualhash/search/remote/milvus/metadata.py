"""The metadata of a collection: the state of its pushes, and the header of its index."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.collection import METADATA_SUFFIX, Collection
from dualhash.search.storage.header import Header
from dualhash.search.storage.rows import checksum

FORMAT = 1
"""The format of collections that this version writes and reads."""

STATE = 0
"""Number of the text that holds the state; the parts of the heads follow."""

PART = 60_000
"""Characters of the heads in one text; they are ASCII."""

AT_ONCE = 256
"""Texts read with one request."""


@dataclass(frozen=True)
class CollectionState:
    """All metadata except the heads, which never change.

    Attributes:
        bits: Length k of the codes.
        views: Views of each image that were averaged for its code.
        model_hash: Hash of the model that made the codes.
        model_folder: Folder of that model when the index was created; empty if there is none.
        attribute_weight: How much probabilities weigh in weighted searches, as found for the model.
        parts: Number of texts that hold the heads.
        checksum: Checksum of the heads.
        complete: Whether a push has ever been completed.
        stop: Larger than all ids.
        fields: Names that filters may use.
        format: Format of the collection.
    """

    bits: int
    views: int
    model_hash: str
    model_folder: str
    attribute_weight: float | None
    parts: int
    checksum: int
    complete: bool
    stop: int
    fields: tuple[str, ...]
    format: int = FORMAT


def write_heads(collection: Collection, header: Header) -> tuple[int, int]:
    """Writes the heads of an index and returns `parts` and `checksum` of the state."""
    text = json.dumps([header.category_head.as_dict(), header.attribute_head.as_dict()])
    parts = [text[start : start + PART] for start in range(0, len(text), PART)]
    for number, part in enumerate(parts, start=STATE + 1):
        collection.write_text(number, part)
    return len(parts), checksum(text)


def write_state(collection: Collection, state: CollectionState) -> None:
    """Writes the state."""
    collection.write_text(STATE, json.dumps(asdict(state)))


def read_state(collection: Collection) -> CollectionState | None:
    """Returns the state; None if there is none yet.

    Raises:
        DualhashError: The collection has a newer format.
    """
    texts = collection.texts([STATE])
    if not texts:
        return None
    values = json.loads(texts[STATE])
    if values["format"] > FORMAT:
        raise DualhashError(
            f"{collection.address} has format {values['format']}; this version of dualhash "
            f"reads format {FORMAT}. Upgrade dualhash."
        )
    values.setdefault("attribute_weight", values.pop("soft", None))  # its name until 0.1.0
    return CollectionState(**values | {"fields": tuple(values["fields"])})


def read_header(collection: Collection, state: CollectionState) -> Header:
    """Returns the header of the index that was pushed.

    Raises:
        DualhashError: The heads are damaged.
    """
    numbers = range(STATE + 1, STATE + 1 + state.parts)
    texts: dict[int, str] = {}
    for start in range(0, len(numbers), AT_ONCE):
        texts |= collection.texts(numbers[start : start + AT_ONCE])
    text = "".join(texts.get(number, "") for number in numbers)
    if checksum(text) != state.checksum:
        raise DualhashError(
            f"{collection.address} is damaged: its heads have changed. Drop this "
            f"collection and the one with the suffix {METADATA_SUFFIX}, and push the index again."
        )
    category_head, attribute_head = (
        LinearHead.from_dict(values, state.bits) for values in json.loads(text)
    )
    return Header(
        bits=state.bits,
        views=state.views,
        model_hash=state.model_hash,
        model_folder=Path(state.model_folder) if state.model_folder else None,
        category_head=category_head,
        attribute_head=attribute_head,
        attribute_weight=state.attribute_weight,
    )
