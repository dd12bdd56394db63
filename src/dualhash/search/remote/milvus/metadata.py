"""What a collection remembers of all its codes, as texts beside it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.collection import Collection
from dualhash.search.storage.header import Header
from dualhash.search.storage.rows import checksum

FORMAT = 1
"""The format of collections that this version writes and reads."""

STATE = 0
"""The number of the note that holds the state; the parts of the heads follow."""

PART = 60_000
"""Characters of the heads in a note; they are ASCII."""

AT_ONCE = 256
"""Notes read with one request."""


@dataclass(frozen=True)
class CollectionState:
    """All but the heads, which belong to the model and do not change.

    Attributes:
        bits: k.
        views: Views of each image that made its code.
        model_hash: Of the model that made the codes.
        model_folder: Where that model was.
        attribute_weight: How much probabilities weigh in weighted searches, as found for the model.
        parts: Notes that the heads take.
        checksum: Of their text.
        complete: Whether all of an index has ever been pushed.
        stop: Above all ids.
        fields: Those of the payloads.
        format: Of the collection.
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


def write_heads(collection: Collection, header: Header) -> CollectionState:
    """Remembers the heads of an index, of which nothing has been pushed, and returns its state."""
    text = json.dumps([_of_head(header.category_head), _of_head(header.attribute_head)])
    parts = [text[start : start + PART] for start in range(0, len(text), PART)]
    for number, part in enumerate(parts, start=STATE + 1):
        collection.note(number, part)
    return CollectionState(
        bits=header.bits,
        views=header.views,
        model_hash=header.model_hash,
        model_folder=str(header.model_folder),
        attribute_weight=header.attribute_weight,
        parts=len(parts),
        checksum=checksum(text),
        complete=False,
        stop=0,
        fields=(),
    )


def write_state(collection: Collection, state: CollectionState) -> None:
    """Remembers a state."""
    collection.note(STATE, json.dumps(asdict(state)))


def read_state(collection: Collection) -> CollectionState | None:
    """The state; None where nothing has been remembered yet.

    Raises:
        DualhashError: The collection is of a newer format.
    """
    noted = collection.noted([STATE])
    if not noted:
        return None
    values = json.loads(noted[STATE])
    if values["format"] > FORMAT:
        raise DualhashError(
            f"{collection.place} has format {values['format']}, newer than the {FORMAT} that this "
            "version of dualhash reads; upgrade dualhash."
        )
    values.setdefault("attribute_weight", values.pop("soft", None))  # its name until 0.1.0
    return CollectionState(**values | {"fields": tuple(values["fields"])})


def read_header(collection: Collection, state: CollectionState) -> Header:
    """The header of the index that was pushed.

    Raises:
        DualhashError: The heads are not what was written.
    """
    numbers = range(STATE + 1, STATE + 1 + state.parts)
    noted: dict[int, str] = {}
    for start in range(0, len(numbers), AT_ONCE):
        noted |= collection.noted(numbers[start : start + AT_ONCE])
    text = "".join(noted.get(number, "") for number in numbers)
    if checksum(text) != state.checksum:
        raise DualhashError(
            f"{collection.place} is damaged: its heads are not what was written. Drop the "
            "collection and that of its notes, and push the index again."
        )
    category_head, attribute_head = (_head(values, state.bits) for values in json.loads(text))
    return Header(
        bits=state.bits,
        views=state.views,
        model_hash=state.model_hash,
        model_folder=Path(state.model_folder),
        category_head=category_head,
        attribute_head=attribute_head,
        attribute_weight=state.attribute_weight,
    )


def _of_head(head: LinearHead) -> dict[str, Any]:
    return {
        "names": head.names,
        "weight": b64encode(head.weight.astype("<f4").tobytes()).decode(),
        "bias": b64encode(head.bias.astype("<f4").tobytes()).decode(),
    }


def _head(values: Mapping[str, Any], bits: int) -> LinearHead:
    names = tuple(values["names"])
    weight = np.frombuffer(b64decode(values["weight"]), "<f4").reshape(len(names), bits)
    bias = np.frombuffer(b64decode(values["bias"]), "<f4")
    return LinearHead(names, weight.astype(np.float32), bias.astype(np.float32))
