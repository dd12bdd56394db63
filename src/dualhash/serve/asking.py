"""One search, from the question to the answer."""

from collections.abc import Collection
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.search.question import PRESENT
from dualhash.serve import answers, schemas

Code = NDArray[np.uint8]

Field = Literal["want", "without", "attributes", "where", "radius"]
Wish = tuple[Field, str]
"""Where it stands in the request, and its name there."""

ATTRIBUTES: tuple[Field, ...] = ("want", "without", "attributes")

MOST_WISHES = 8
"""So many are tried where too little matches: each takes a search."""


def options_of(search: schemas.Search) -> dict[str, Any]:
    """The options of `Index.search`; what is named twice counts once."""
    return {
        "task": search.task,
        "want": list(dict.fromkeys(search.want)),
        "without": list(dict.fromkeys(search.without)),
        "attributes": list(dict.fromkeys(search.attributes)),
        "where": search.where,
        "ids": search.ids,
        "radius": search.radius,
        "threshold": search.threshold,
        "soft": search.soft,
    }


def ask(
    index: Index, search: schemas.Search, code: Code | None, generation: int, version: str
) -> schemas.SearchAnswer:
    """The answer, but for its timings.

    Args:
        index: What is searched.
        search: What for.
        code: (k/8,) of the uploaded image; None without one.
        generation: Of the index.
        version: Of the index, in addresses of thumbnails.

    Raises:
        DualhashError: It cannot be searched for.
        Problem: There is no item with the id.
    """
    if search.id is not None:
        answers.check_id(index, search.id)
    if code is None and search.code is not None:
        code = np.frombuffer(bytes.fromhex(search.code), np.uint8)
    query = search.id if code is None else code
    last = search.offset + search.k
    results = index.search(query, k=search.k, offset=search.offset, **options_of(search))
    search = search.model_copy(update={"task": results.task})
    return schemas.SearchAnswer(
        task=results.task,
        words=results.words,
        bits=results.bits,
        query=None if results.query is None else answers.query(results.query, version),
        conditions=results.conditions,
        threshold=results.threshold,
        soft=results.soft,
        matched=results.matched,
        hits=answers.hits(index, results, version),
        next_offset=last if results.matched > last and last <= schemas.LAST_OFFSET else None,
        shortage=shortage(index, query, search, results.matched)
        if results.matched < last
        else None,
        index=schemas.Served(items=len(index), generation=generation),
    )


def shortage(
    index: Index, query: int | Code | None, search: schemas.Search, matched: int
) -> schemas.Shortage | None:
    """The wish without which most would match.

    Where none alone makes a difference, for several exclude the same items, it is the one that
    fewest match by itself. Of many wishes only the first are tried.

    Args:
        index: What is searched.
        query: What asks.
        search: What for.
        matched: How many match.

    Returns:
        None where no wish excludes anything.
    """
    options = options_of(search)
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
    return schemas.Shortage(field=worst[0], wish=wishes[worst], matched_without=without[worst])


def _wishes(options: dict[str, Any]) -> dict[Wish, str]:
    """What can exclude items, and how it is said; attributes do so only in combined searches."""
    fields = ATTRIBUTES if options["task"] == "combined" else ()
    wishes: dict[Wish, str] = {(field, name): name for field in fields for name in options[field]}
    for name, value in options["where"].items():
        wishes["where", name] = f"{name}={value}"
    if options["radius"] is not None:
        wishes["radius", ""] = str(options["radius"])
    return wishes


def _only(options: dict[str, Any], kept: Collection[Wish]) -> dict[str, Any]:
    """The search with no other wishes than these."""
    left = {**options, "where": {k: v for k, v in options["where"].items() if ("where", k) in kept}}
    if options["task"] == "combined":
        for field in ATTRIBUTES:
            left[field] = [name for name in options[field] if (field, name) in kept]
    if ("radius", "") not in kept:
        left["radius"] = None
    return left


def _matched(index: Index, query: int | Code | None, options: dict[str, Any]) -> int:
    """How many match; a combined search that has lost its only attribute is one by category."""
    if options["task"] == "combined" and not (
        options["want"] or options["without"] or options["attributes"]
    ):
        options = {**options, "task": "category", "threshold": PRESENT}
        if query is None:
            query = np.zeros(index.header.bits // 8, np.uint8)
    try:
        return index.search(query, k=1, **options).matched
    except DualhashError:
        return 0
