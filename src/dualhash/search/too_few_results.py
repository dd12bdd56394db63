"""Which option excludes most items, if fewer match than were requested."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from dualhash.errors import DualhashError
from dualhash.search.query import QueryLike
from dualhash.search.remote.base import RemoteIndex
from dualhash.search.request import SearchOptions

AttributeOption = Literal["want", "without", "match"]
Option = AttributeOption | Literal["filter", "radius"]
Condition = tuple[Option, str]
"""An option, and the attribute or field in it."""

ATTRIBUTE_OPTIONS: tuple[AttributeOption, ...] = ("want", "without", "match")

MAX_CONDITIONS = 8
"""Conditions that are tried; each takes a search."""


@dataclass(frozen=True)
class Shortage:
    """The condition that excludes most items.

    Attributes:
        field: The option that it belongs to.
        value: The attribute, the field and value of the filter, or the radius.
        matched_without: How many items match without it.
    """

    field: Option
    value: str
    matched_without: int


def shortage(
    index: RemoteIndex, query: QueryLike | None, options: SearchOptions, matched: int
) -> Shortage | None:
    """Returns the condition without which most items match.

    If no single one makes a difference, because several exclude the same items, it is the one that
    fewest items meet. Only the first conditions are tried.

    Args:
        index: The index that was searched.
        query: The query.
        options: Those of the search, with its task.
        matched: How many items matched.

    Returns:
        None if no condition excludes anything.
    """
    conditions = _conditions(options)
    tried = list(conditions)[:MAX_CONDITIONS]
    matched_by = partial(_matched, index, query, options)
    without = {each: matched_by(conditions.keys() - {each}) for each in tried}
    worst = max(tried, key=lambda each: without[each], default=None)
    if worst is None:
        return None
    if without[worst] <= matched:
        if matched_by(()) <= matched:
            return None
        worst = min(tried, key=lambda each: matched_by({each}))
    return Shortage(worst[0], conditions[worst], without[worst])


def _conditions(options: SearchOptions) -> dict[Condition, str]:
    """Returns what can exclude items, as text; attributes do so only in combined searches."""
    names = ATTRIBUTE_OPTIONS if options["task"] == "combined" else ()
    conditions: dict[Condition, str] = {
        (option, name): name for option in names for name in options.get(option, ())
    }
    for name, value in options.get("filter", {}).items():
        conditions["filter", name] = f"{name}={value}"
    if (radius := options.get("radius")) is not None:
        conditions["radius", ""] = str(radius)
    return conditions


def _matched(
    index: RemoteIndex,
    query: QueryLike | None,
    options: SearchOptions,
    kept: Collection[Condition],
) -> int:
    """Counts what matches if only the conditions `kept` apply.

    A combined search without attributes becomes one by category.
    """
    fewer: SearchOptions = {**options, "k": 1, "offset": 0}
    filters = options.get("filter", {})
    fewer["filter"] = {field: filters[field] for field in filters if ("filter", field) in kept}
    if ("radius", "") not in kept:
        fewer["radius"] = None
    if options["task"] == "combined":
        for option in ATTRIBUTE_OPTIONS:
            fewer[option] = [name for name in options.get(option, ()) if (option, name) in kept]
        if not any(fewer[option] for option in ATTRIBUTE_OPTIONS):
            fewer |= {"task": "category", "threshold": None, "precision": None}
            if query is None:
                query = np.zeros(index.header.bits // 8, np.uint8)
    try:
        return index.search(query, **fewer).matched
    except DualhashError:
        return 0
