"""Builds response models from what the library returns."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from dualhash.analysis.bit_attribution import carried_attributes
from dualhash.codes.encoder import Failure
from dualhash.codes.model import predict
from dualhash.errors import DualhashError
from dualhash.search import results
from dualhash.search.index import Index
from dualhash.search.remote import messages
from dualhash.search.remote.item_messages import Hit, Image, Item, facet_of
from dualhash.search.request import SearchOptions
from dualhash.search.result_verdict import explain_verdicts
from dualhash.search.results import Results
from dualhash.search.storage.payload_columns import CATEGORY, facts_of
from dualhash.search.too_few_results import shortage
from dualhash.serve import schemas

ATTRIBUTES_PER_BIT = 4
"""Attributes listed for each bit."""

FIELD_ITEMS, FIELD_STRETCHES = 20_000, 20
"""Most items that are read for the values of fields, in stretches spread over the index."""

FIELD_VALUES = 200
"""Most values that are listed for a field."""

Code = NDArray[np.uint8]


@dataclass(frozen=True)
class Answer:
    """The response to a search.

    Attributes:
        json: A `SearchResponse` without timings.
        task: Its task.
    """

    json: bytes
    task: results.Task


def answers(
    index: Index,
    searches: Sequence[tuple[messages.Search, Code | None]],
    served: messages.ServedIndex,
    version: str,
) -> list[Answer | DualhashError]:
    """Returns the answer to each of n searches, or why there is none.

    Args:
        index: The index to search.
        searches: At least one, all with the same options; each with the code (k/8,) uint8 of an
            uploaded image or a vector, or None.
        served: What responses say of the index.
        version: Version of the index, for the addresses of thumbnails.
    """
    options = cast(SearchOptions, searches[0][0].model_dump(exclude=messages.QUERY_FIELDS))
    queries = [_query(search, code) for search, code in searches]
    results_or_errors = _results(index, queries, options)
    every = [hit.code for found in results_or_errors if isinstance(found, Results) for hit in found]
    codes = np.array(every, np.uint8).reshape(-1, index.header.bits // 8)
    no_attributes = index.header.calibrated_attribute_head.take([])
    predictions = iter(predict(codes, index.header.calibrated_category_head, no_attributes))
    answered: list[Answer | DualhashError] = []
    for query, found in zip(queries, results_or_errors, strict=True):
        if isinstance(found, DualhashError):
            answered.append(found)
            continue
        hits = [Hit.of(found, hit, next(predictions), version) for hit in found]
        asked = found.query
        values = {
            "task": found.task,
            "words": found.words,
            "bits": found.bits,
            "query": asked and Image.of(asked, asked.prediction, index.header.calibration, version),
            "conditions": found.conditions,
            "thresholds": found.thresholds,
            "attribute_weight": found.attribute_weight,
            "category": found.category,
            "matched": found.matched,
            "verdicts": explain_verdicts(found),
            "hits": hits,
            "index": served,
        }
        try:
            json = to_json(values | _rest(index, query, found, options))
        except DualhashError as error:
            answered.append(error)
        else:
            answered.append(Answer(json, found.task))
    return answered


def _query(search: messages.Search, code: Code | None) -> int | Code | None:
    if code is None and search.code is not None:
        code = np.frombuffer(bytes.fromhex(search.code), np.uint8)
    return search.id if code is None else code


def _results(
    index: Index, queries: Sequence[int | Code | None], options: SearchOptions
) -> list[Results | DualhashError]:
    """Searches with several queries at once; one by one only those that fail."""

    def alone(query: int | Code | None) -> Results | DualhashError:
        try:
            return index.search(query, **options)
        except DualhashError as error:
            return error

    given = [query for query in queries if query is not None]
    found: Iterator[Results | Failure] = iter(())
    if len(given) > 1:
        with suppress(DualhashError):
            found = iter(list(index.search_batch(given, **options)))
    together = (next(found, None) if query is not None else None for query in queries)
    return [
        each if isinstance(each, Results) else alone(query)
        for query, each in zip(queries, together, strict=True)
    ]


def _rest(
    index: Index, query: int | Code | None, found: Results, options: SearchOptions
) -> dict[str, Any]:
    """Returns what a response says about results after or instead of those found.

    Raises:
        DualhashError: The index cannot be read any more.
    """
    last, missing = options["offset"] + options["k"], None
    if found.matched < last:
        missing = shortage(index, query, {**options, "task": found.task}, found.matched)
    more = found.matched > last and last <= messages.LAST_OFFSET
    return {"next_offset": last if more else None, "shortage": missing}


def item(index: Index, version: str, number: int) -> Item:
    """Returns an item of the index.

    Raises:
        ItemNotFoundError: No item has this id.
    """
    stored = index.get(number)
    (prediction,) = index.header.predict(stored.code[None])
    return Item(**Item.of(stored, prediction, index.header.calibration, version))


def samples(index: Index, version: str, count: int, rng: np.random.Generator) -> schemas.Samples:
    """Returns at most `count` different items, drawn at random."""
    last = index.state.next_id
    numbers: dict[int, None] = {}
    for start in rng.choice(last, min(last, 2 * count), replace=False).tolist() if last else ():
        near = next(index.items(start, start + 64), None)
        drawn = near or next(index.items(start), None) or next(index.items(), None)
        if drawn is not None and len(numbers) < count:
            numbers[drawn.id] = None
    return schemas.Samples(items=[item(index, version, number) for number in numbers])


def attributes_by_facet(index: Index) -> schemas.Attributes:
    """Returns all attributes by facet, with the number of items that are predicted to have each."""
    facets: dict[str | None, list[schemas.FacetValue]] = {}
    for name in index.header.attribute_head.names:
        facet = facet_of(name)
        value = schemas.FacetValue(
            name=name,
            label=name if facet is None else name.removeprefix(f"{facet}="),
            present=index.search(task="combined", want=[name], k=1).matched,
        )
        facets.setdefault(facet, []).append(value)
    return schemas.Attributes(
        facets=[schemas.Facet(facet=name, attributes=values) for name, values in facets.items()],
        categories=list(index.header.category_head.names),
        prefers_posterior=index.header.prefers_posterior,
    )


def fields(index: Index) -> schemas.Fields:
    """Returns the fields that a search can filter by, with common values."""
    counts: dict[str, Counter[str]] = {CATEGORY: Counter()}
    read = 0
    for stored in _spread_items(index):
        read += 1
        for field, value in facts_of(stored.labels.category, stored.payload).items():
            counts.setdefault(field, Counter())[value] += 1
    names = [CATEGORY, *sorted(counts.keys() - {CATEGORY})]
    return schemas.Fields(fields=[_field(name, counts[name]) for name in names], items=read)


def model(index: Index) -> messages.Model:
    """Returns what a program needs to read codes."""
    return messages.Model.of(index.header)


def bits(index: Index) -> schemas.Bits:
    """Returns the attributes that each bit contributes to."""
    head = index.header.attribute_head
    count = ATTRIBUTES_PER_BIT
    attributes = [list(carried_attributes(head, bit, count)) for bit in range(index.header.bits)]
    return schemas.Bits(bits=attributes)


def _spread_items(index: Index) -> Iterator[results.Item]:
    if len(index) <= FIELD_ITEMS:
        yield from index
        return
    for start in range(0, index.state.next_id, index.state.next_id // FIELD_STRETCHES + 1):
        yield from islice(index.items(start), FIELD_ITEMS // FIELD_STRETCHES)


def _field(name: str, counts: Mapping[str, int]) -> schemas.FilterField:
    common = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if len(common) > FIELD_VALUES:  # values of single items, such as names, are no help
        common = [(value, items) for value, items in common[:FIELD_VALUES] if items > 1]
    values = [schemas.FieldValue(value=value, items=items) for value, items in common]
    return schemas.FilterField(name=name, values=values, complete=len(values) == len(counts))
