"""One search, from the question to the answer."""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from dualhash.analysis.verdict import explain_verdicts
from dualhash.search.hints import shortage
from dualhash.search.index import Index
from dualhash.search.request import SearchOptions
from dualhash.serve import schemas
from dualhash.serve.backend import responses as answers

Code = NDArray[np.uint8]


def options_of(search: schemas.Search) -> SearchOptions:
    """The options of `Index.search`; what is named twice counts once."""
    return {
        "task": search.task,
        "want": list(dict.fromkeys(search.want)),
        "without": list(dict.fromkeys(search.without)),
        "match": list(dict.fromkeys(search.match)),
        "filter": search.filter,
        "ids": search.ids,
        "radius": search.radius,
        "threshold": search.threshold,
        "attribute_weight": search.attribute_weight,
        "k": search.k,
        "offset": search.offset,
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
    options = options_of(search)
    results = index.search(query, **options)
    missing = None
    if results.matched < last:
        options["task"] = results.task
        missing = shortage(index, query, options, results.matched)
    return schemas.SearchAnswer(
        task=results.task,
        words=results.words,
        bits=results.bits,
        query=None if results.query is None else answers.query(results.query, version),
        conditions=results.conditions,
        threshold=results.threshold,
        attribute_weight=results.attribute_weight,
        matched=results.matched,
        verdicts=explain_verdicts(results),
        hits=answers.hits(index, results, version),
        next_offset=last if results.matched > last and last <= schemas.LAST_OFFSET else None,
        shortage=None if missing is None else schemas.Shortage(**asdict(missing)),
        index=schemas.Served(items=len(index), generation=generation),
    )
