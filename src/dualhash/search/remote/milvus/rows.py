"""The rows of a collection, one per item, and expressions that select rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.ranking.attribute_predicates import AttributePredicates
from dualhash.search.remote.milvus.collection import CODE, LOGS, MAX_TEXT, OTHER_BITS
from dualhash.search.remote.stored_items import row_checksum
from dualhash.search.results import Item
from dualhash.search.storage.header import Header
from dualhash.search.storage.payload_columns import facts_of


def read_code(row: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Returns the packed code (k/8,) of a row."""
    (octets,) = row[CODE]
    return np.frombuffer(octets + bytes.fromhex(row.get(OTHER_BITS, "")), np.uint8)


def make_rows(
    items: Sequence[Item],
    codes: NDArray[np.uint8],
    descriptions: Sequence[str],
    header: Header,
) -> list[dict[str, Any]]:
    """Returns the rows of n items.

    A row has a *literal* for each of the p attributes: 2j + 1 if its code has attribute j
    (p_j reaches its balanced threshold), else 2j. Position 2j of `log_probabilities` is
    log(1 - p_j), position 2j + 1 is log p_j. So the joint probability of some literals is the
    exponential of the inner product with a vector that is 1 at these positions and 0 elsewhere.

    Args:
        items: n items.
        codes: (n, k/8) uint8, packed.
        descriptions: The items as `described` writes them.
        header: That of the index.

    Raises:
        DualhashError: An item is longer than a text field of Milvus.
    """
    head, compared = header.calibrated_attribute_head, header.compared_bits // 8
    scores = head.code_scores(codes)
    limits = np.array([header.calibration.balanced(name) for name in head.names])
    literals = 2 * np.arange(len(head.names)) + (scores >= np.log(limits / (1 - limits)))
    logs = log_probabilities(scores)
    rows: list[dict[str, Any]] = []
    for which, (item, description) in enumerate(zip(items, descriptions, strict=True)):
        if len(description.encode()) > MAX_TEXT:
            raise DualhashError(
                f"Item {item.id} is longer than {MAX_TEXT:,} bytes, the limit of Milvus; leave its "
                "longest columns out of the catalogue."
            )
        row = {
            "id": item.id,
            CODE: codes[which, :compared].tobytes(),
            "literals": literals[which].tolist(),
            "facts": [
                _fact(*fact) for fact in facts_of(item.labels.category, item.payload).items()
            ],
            "item": description,
            "checksum": row_checksum(codes[which], description),
        }
        if compared < codes.shape[1]:
            row[OTHER_BITS] = codes[which, compared:].tobytes().hex()
        rows.append(row | {LOGS: logs[which]} if head.names else row)
    return rows


def log_probabilities(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns log(1 - p_j) and log p_j alternately, (N, 2p), from scores (N, p) of p_j."""
    exact = scores.astype(np.float64)
    both = np.stack([-np.logaddexp(0, exact), -np.logaddexp(0, -exact)], axis=-1)
    return both.reshape(len(scores), -1).astype(np.float32)


def literals_of(predicates: AttributePredicates, names: Sequence[str]) -> list[int]:
    """Returns the literals of the wanted values; `names` are those of all p attributes."""
    return [2 * names.index(name) + wanted for name, wanted in predicates.values.items()]


def between(low: int, high: int) -> str:
    """Returns the expression for low <= id < high."""
    return f"id >= {low} and id < {high}"


def having(literals: Sequence[int]) -> str:
    """Returns the expression for items that have all these literals."""
    return f"array_contains_all(literals, {list(literals)})"


def with_fact(field: str, text: str) -> str:
    """Returns the expression for items with a value of a field."""
    return f"array_contains(facts, {json.dumps(_fact(field, text), ensure_ascii=False)})"


def _fact(field: str, text: str) -> str:
    """Returns field and value as one text that no other pair has."""
    return json.dumps([field, text], ensure_ascii=False)
