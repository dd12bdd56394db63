"""How remote indexes store items: as JSON, with a checksum that shows what a push must send."""

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dualhash.search.results import Item, ItemLabels
from dualhash.search.storage.rows import checksum

STATES = {True: "1", False: "0", None: "-"}
"""The letter of an attribute that is present, absent or not labelled."""


def described(item: Item, attributes: Sequence[str]) -> str:
    """Returns an item as JSON, with a letter for each of the p attributes."""
    labels = item.labels.attributes
    return json.dumps(
        {
            "image": item.image,
            "category": item.labels.category,
            "attributes": "".join(STATES[labels.get(name)] for name in attributes),
            "payload": item.payload,
        },
        ensure_ascii=False,
    )


def read_item(number: int, description: str, attributes: Sequence[str]) -> Item:
    """Returns the item with an id from what `described` wrote."""
    item = json.loads(description)
    labels = {
        name: state == STATES[True]
        for name, state in zip(attributes, item["attributes"], strict=True)
        if state != STATES[None]
    }
    return Item(number, item["image"], ItemLabels(item["category"], labels), item["payload"])


def row_checksum(code: NDArray[np.uint8], description: str) -> int:
    """Returns the checksum of a code and its item; a row with another one is out of date."""
    return checksum(code.tobytes(), description)
