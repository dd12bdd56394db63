"""Builds response models from what the library returns."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dualhash.analysis.bit_attribution import carried_attributes
from dualhash.codes.model import predict
from dualhash.search import results
from dualhash.search.index import Index
from dualhash.search.remote import messages
from dualhash.search.remote.item_messages import Hit, Image, Item, facet_of
from dualhash.search.request import SearchOptions
from dualhash.search.result_verdict import explain_verdicts
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


def search_response(
    index: Index, search: messages.Search, code: Code | None, generation: int, version: str
) -> messages.SearchResponse:
    """Searches and returns the response, without timings.

    Args:
        index: The index to search.
        search: The options.
        code: (k/8,) uint8, the code of the uploaded image; None without one.
        generation: Generation of the index.
        version: Version of the index, for the addresses of thumbnails.

    Raises:
        ItemNotFoundError: No item has the id of the query.
        DualhashError: The search is not possible.
    """
    if code is None and search.code is not None:
        code = np.frombuffer(bytes.fromhex(search.code), np.uint8)
    query = search.id if code is None else code
    last = search.last
    options = cast(SearchOptions, search.model_dump(exclude={"id", "code", "vector", "generation"}))
    found = index.search(query, **options)
    missing = None
    if found.matched < last:
        options["task"] = found.task
        missing = shortage(index, query, options, found.matched)
    shown, header = found.query, index.header
    codes = np.array([hit.code for hit in found], np.uint8).reshape(-1, header.bits // 8)
    no_attributes = header.calibrated_attribute_head.take([])
    predictions = predict(codes, header.calibrated_category_head, no_attributes)
    fields = vars(found) | {
        "query": shown and Image.of(shown, shown.prediction, index.header.calibration, version),
        "hits": [
            Hit.of(found, hit, prediction, version)
            for hit, prediction in zip(found, predictions, strict=True)
        ],
    }
    return messages.SearchResponse(
        **fields,
        words=found.words,
        verdicts=explain_verdicts(found),
        next_offset=last if found.matched > last and last <= messages.LAST_OFFSET else None,
        shortage=missing,
        index=messages.ServedIndex(items=len(index), generation=generation),
    )


def item(index: Index, version: str, number: int) -> Item:
    """Returns an item of the index.

    Raises:
        ItemNotFoundError: No item has this id.
    """
    stored = index.get(number)
    (prediction,) = index.header.predict(stored.code[None])
    return Item.of(stored, prediction, index.header.calibration, version)


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
