"""The metadata of a collection: the state of its pushes, and the header of its index."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dualhash.codes.calibration import Calibration
from dualhash.codes.linear_head import HEADS, LinearHead
from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.collection import METADATA_SUFFIX, Collection
from dualhash.search.storage.header import Header
from dualhash.search.storage.rows import checksum

FORMAT = 2
"""The format of collections that this version writes; it also reads format 1."""

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
        calibration: What was fitted on validation images.
        ranking_bits: Number of leading bits whose Hamming distance ranks; None for all.
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
    calibration: Calibration
    ranking_bits: int | None
    parts: int
    checksum: int
    complete: bool
    stop: int
    fields: tuple[str, ...]
    format: int = FORMAT


def write_heads(collection: Collection, header: Header) -> tuple[int, int]:
    """Writes the heads of an index and returns `parts` and `checksum` of the state."""
    text = json.dumps([getattr(header, name).as_dict() for name in HEADS])
    parts = [text[start : start + PART] for start in range(0, len(text), PART)]
    for number, part in enumerate(parts, start=STATE + 1):
        collection.write_text(number, part)
    return len(parts), checksum(text)


def write_state(collection: Collection, state: CollectionState) -> None:
    """Writes the state."""
    collection.write_text(
        STATE, json.dumps(asdict(state) | {"calibration": state.calibration.model_dump()})
    )


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
            f"reads formats up to {FORMAT}. Upgrade dualhash."
        )
    old = ("attribute_weight", "soft")  # of format 1
    weights = {name: values.pop(name) for name in old if name in values}
    calibration = Calibration.model_validate(values.pop("calibration", weights))
    values = {"ranking_bits": None} | values | {"fields": tuple(values["fields"])}
    return CollectionState(**values, calibration=calibration)


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
            f"{collection.address} is damaged: its heads have changed. Drop this collection and "
            f"those whose names go on with {METADATA_SUFFIX}, and push the index again."
        )
    stored = [LinearHead.from_dict(values, state.bits) for values in json.loads(text)]
    heads = stored if state.format > 1 else stored * 2  # without calibrated heads
    return Header(
        bits=state.bits,
        views=state.views,
        model_hash=state.model_hash,
        model_folder=Path(state.model_folder) if state.model_folder else None,
        calibration=state.calibration,
        ranking_bits=state.ranking_bits,
        **dict(zip(HEADS, heads, strict=True)),
    )
