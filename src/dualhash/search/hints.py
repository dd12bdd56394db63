"""Why fewer items match than were asked for."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dualhash.errors import DualhashError
from dualhash.search.query import QueryLike
from dualhash.search.remote import Engine
from dualhash.search.request import PRESENT, SearchOptions

Attributes = Literal["want", "without", "match"]
Field = Attributes | Literal["filter", "radius"]
Wish = tuple[Field, str]
"""Under which option it stands, and its name there."""

ATTRIBUTES: tuple[Attributes, ...] = ("want", "without", "match")

MOST_WISHES = 8
"""So many are tried: each takes a search."""


@dataclass(frozen=True)
class Shortage:
    """Which one wish excludes most.

    Attributes:
        field: The option under which it stands.
        wish: The attribute, the field of the filter and its value, or the radius.
        matched_without: How many would match without it.
    """

    field: Field
    wish: str
    matched_without: int


def shortage(
    index: Engine, query: QueryLike | None, options: SearchOptions, matched: int
) -> Shortage | None:
    """The wish without which most would match.

    Where none alone makes a difference, for several exclude the same items, it is the one that
    fewest match by itself. Of many wishes only the first are tried.

    Args:
        index: What is searched.
        query: What asks.
        options: What for; the task is named.
        matched: How many match.

    Returns:
        None where no wish excludes anything.
    """
    wishes = _wishes(options)
    tried = list(wishes)[:MOST_WISHES]

    def matched_by(kept: Collection[Wish]) -> int:
        return _matched(index, query, _only(options, kept))

    without = {wish: matched_by(wishes.keys() - {wish}) for wish in tried}
    worst = max(tried, key=lambda wish: without[wish], default=None)
    if worst is None:
        return None
    if without[worst] <= matched:
        if matched_by(()) <= matched:
            return None
        worst = min(tried, key=lambda wish: matched_by({wish}))
    return Shortage(worst[0], wishes[worst], without[worst])


def _wishes(options: SearchOptions) -> dict[Wish, str]:
    """What can exclude items, and how it is said; attributes do so only in combined searches."""
    fields: tuple[Attributes, ...] = ATTRIBUTES if options["task"] == "combined" else ()
    wishes: dict[Wish, str] = {
        (field, name): name for field in fields for name in options.get(field, ())
    }
    for name, value in options.get("filter", {}).items():
        wishes["filter", name] = f"{name}={value}"
    if (radius := options.get("radius")) is not None:
        wishes["radius", ""] = str(radius)
    return wishes


def _only(options: SearchOptions, kept: Collection[Wish]) -> SearchOptions:
    """The search with no other wishes than these."""
    left = options.copy()
    left["filter"] = {k: v for k, v in options.get("filter", {}).items() if ("filter", k) in kept}
    if options["task"] == "combined":
        for field in ATTRIBUTES:
            left[field] = [name for name in options.get(field, ()) if (field, name) in kept]
    if ("radius", "") not in kept:
        left["radius"] = None
    return left


def _matched(index: Engine, query: QueryLike | None, options: SearchOptions) -> int:
    """How many match; a combined search that has lost its only attribute is one by category."""
    options = {**options, "k": 1, "offset": 0}
    if options["task"] == "combined" and not any(options.get(field) for field in ATTRIBUTES):
        options = {**options, "task": "category", "threshold": PRESENT}
        if query is None:
            query = np.zeros(index.header.bits // 8, np.uint8)
    try:
        return index.search(query, **options).matched
    except DualhashError:
        return 0
