"""The rows of a collection, one an item, and the expressions that choose among them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError
from dualhash.search.ranking.attribute_predicates import AttributePredicates
from dualhash.search.remote.milvus.collection import CODE, LOGS, LONGEST
from dualhash.search.results import Item, ItemLabels
from dualhash.search.storage.rows import checksum

Fact = tuple[str, str]
"""A field and its value, as filters compare it."""


STATES = {True: "1", False: "0", None: "-"}
"""A letter for an attribute that is present, absent, or not known of an image."""


def described(item: Item, attributes: Sequence[str]) -> str:
    """What is kept beside a code, as JSON, with a letter for each of the p attributes.

    Raises:
        DualhashError: It is longer than Milvus keeps.
    """
    known = item.labels.attributes
    text = json.dumps(
        {
            "image": item.image,
            "category": item.labels.category,
            "attributes": "".join(STATES[known.get(name)] for name in attributes),
            "payload": item.payload,
        },
        ensure_ascii=False,
    )
    if len(text.encode()) > LONGEST:
        raise DualhashError(
            f"What belongs to id {item.id} is longer than the {LONGEST:,} bytes that Milvus keeps "
            "with an item; leave its longest columns out of the catalogue."
        )
    return text


def read_item(row: Mapping[str, Any], attributes: Sequence[str]) -> Item:
    """What is kept beside the code of a row."""
    kept = json.loads(row["item"])
    known = {
        name: state == STATES[True]
        for name, state in zip(attributes, kept["attributes"], strict=True)
        if state != STATES[None]
    }
    return Item(row["id"], kept["image"], ItemLabels(kept["category"], known), kept["payload"])


def read_code(row: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The packed code (k/8,) of a row."""
    (octets,) = row[CODE]
    return np.frombuffer(octets, np.uint8)


def row_checksum(code: NDArray[np.uint8], description: str) -> int:
    """What tells whether a row is that of this code and what belongs to it."""
    return checksum(code.tobytes(), description)


def make_rows(
    ids: Sequence[int],
    codes: NDArray[np.uint8],
    descriptions: Sequence[str],
    facts: Sequence[Iterable[Fact]],
    head: LinearHead,
) -> list[dict[str, Any]]:
    """Rows of n items.

    A row names each of the p attributes by a *literal*: 2j where its code does not have attribute
    j (p_j < 0.5), 2j + 1 where it does. At position 2j of `log_probabilities` stands log(1 - p_j),
    at 2j + 1 log p_j, so that the joint probability of some literals is the exponential of an inner
    product with a vector that is 1 at these positions, else 0.

    Args:
        ids: n.
        codes: (n, k/8) uint8, packed.
        descriptions: n texts.
        facts: Of each item its fields and their values.
        head: Of the p attributes.
    """
    scores = head.code_scores(codes)
    literals = 2 * np.arange(len(head.names)) + (scores >= 0)
    logs = log_probabilities(scores)
    rows: list[dict[str, Any]] = []
    for which, (item, description, known) in enumerate(zip(ids, descriptions, facts, strict=True)):
        row = {
            "id": item,
            CODE: codes[which].tobytes(),
            "literals": literals[which].tolist(),
            "facts": [_fact(*fact) for fact in known],
            "item": description,
            "checksum": row_checksum(codes[which], description),
        }
        rows.append(row | {LOGS: logs[which]} if head.names else row)
    return rows


def log_probabilities(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logs of 1 - p_j and p_j, side by side, (N, 2p), of scores (N, p): p_j = sigmoid(score)."""
    exact = scores.astype(np.float64)
    both = np.stack([-np.logaddexp(0, exact), -np.logaddexp(0, -exact)], axis=-1)
    return both.reshape(len(scores), -1).astype(np.float32)


def literals_of(conditions: AttributePredicates, names: Sequence[str]) -> list[int]:
    """The literals that conditions ask for; `names` are those of all p attributes."""
    return [2 * names.index(name) + wanted for name, wanted in conditions.values.items()]


def between(low: int, high: int) -> str:
    """The expression for ids from `low` to below `high`."""
    return f"id >= {low} and id < {high}"


def having(literals: Sequence[int]) -> str:
    """The expression for items that have all of some literals."""
    return f"array_contains_all(literals, {list(literals)})"


def with_fact(field: str, text: str) -> str:
    """The expression for items of which a field has a value."""
    return f"array_contains(facts, {json.dumps(_fact(field, text), ensure_ascii=False)})"


def _fact(field: str, text: str) -> str:
    """Both as one text, of which no other field and value make the same."""
    return json.dumps([field, text], ensure_ascii=False)
