"""One search, from the question to the answer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.search.question import PRESENT
from dualhash.serve import answers, schemas

Code = NDArray[np.uint8]


def options_of(search: schemas.Search) -> dict[str, Any]:
    """The options of `Index.search`."""
    return {
        "task": search.task,
        "want": search.want,
        "without": search.without,
        "attributes": search.attributes,
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
    results = index.search(query, k=last, **options_of(search))
    return schemas.SearchAnswer(
        task=results.task,
        words=results.words,
        bits=results.bits,
        query=None if results.query is None else answers.query(results.query, version),
        conditions=results.conditions,
        threshold=results.threshold,
        soft=results.soft,
        matched=results.matched,
        hits=answers.hits(index, results, search.offset, version),
        next_offset=last if results.matched > last and last <= schemas.LAST_OFFSET else None,
        shortage=shortage(index, query, search, results.matched)
        if results.matched < last
        else None,
        index=schemas.Served(items=len(index), generation=generation),
    )


def shortage(
    index: Index, query: int | Code | None, search: schemas.Search, matched: int
) -> schemas.Shortage | None:
    """The wish without which most would match; None where none excludes any.

    Args:
        index: What is searched.
        query: What asks.
        search: What for.
        matched: How many match.
    """
    counted = [
        schemas.Shortage(field=field, wish=wish, matched_without=_matched(index, query, options))
        for field, wish, options in _relaxed(options_of(search))
    ]
    most = max(counted, key=lambda shortage: shortage.matched_without, default=None)
    return most if most and most.matched_without > matched else None


def _relaxed(options: dict[str, Any]) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """Each wish of a search that can exclude items, and the search without it."""
    for field in ("want", "without", "attributes") if options["task"] == "combined" else ():
        for name in options[field]:
            yield field, name, {**options, field: [n for n in options[field] if n != name]}
    for name, value in options["where"].items():
        left = {field: wish for field, wish in options["where"].items() if field != name}
        yield "where", f"{name}={value}", {**options, "where": left}
    if options["radius"] is not None:
        yield "radius", str(options["radius"]), {**options, "radius": None}


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
