"""From what the library says to what goes over the wire."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from dualhash.analysis.bit_attribution import carried_attributes
from dualhash.analysis.verdict import verdict
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Prediction, predict
from dualhash.search import results
from dualhash.search.index import Index
from dualhash.search.storage.payload_columns import CATEGORY, facts_of
from dualhash.serve import schemas
from dualhash.serve.http.errors import Problem

CARRIED = 4
"""Attributes that are named for a bit."""

FIELD_ITEMS, FIELD_STRETCHES = 20_000, 20
"""Items that are read for the values of fields at most, in stretches spread over the index."""

FIELD_VALUES = 200
"""Values that are listed for a field at most."""


def facet_of(name: str) -> str | None:
    """`colour` of `colour=red`; None for an attribute that stands alone."""
    facet, equals, _ = name.partition("=")
    return facet if equals else None


def thumbnail_of(item: int, version: str) -> str:
    """Address of an item's thumbnail in this version of the index."""
    return f"/api/v1/items/{item}/thumbnail?v={version}"


def category(label: str | None, prediction: Prediction) -> schemas.Category:
    """Of which category an image is."""
    return schemas.Category(
        name=prediction.category if label is None else label,
        source="predicted" if label is None else "labelled",
        predicted=prediction.category,
        probability=prediction.probability,
    )


def attributes(labels: Mapping[str, bool], prediction: Prediction) -> list[schemas.Attribute]:
    """What is known of each attribute of an image."""
    return [
        schemas.Attribute(
            name=name,
            facet=facet_of(name),
            present=labels.get(name, probability >= 0.5),
            source="labelled" if name in labels else "predicted",
            probability=probability,
        )
        for name, probability in prediction.attributes.items()
    ]


def query(found: results.Query, version: str) -> schemas.Image:
    """What is known of a query."""
    return schemas.Image(
        id=found.id,
        code=found.code.tobytes().hex(),
        category=category(found.labels.category, found.prediction),
        attributes=attributes(found.labels.attributes, found.prediction),
        thumbnail=None if found.id is None else thumbnail_of(found.id, version),
    )


def check_id(index: Index, number: int) -> results.Item:
    """The item with this id, without what its code says.

    Raises:
        Problem: There is none.
    """
    found = next(index.items(number, number + 1), None)
    if found is None:
        raise Problem("item-not-found", f"The index has no item with the id {number}.")
    return found


def item(index: Index, version: str, number: int) -> schemas.Item:
    """An item of an index.

    Raises:
        Problem: There is none with this id.
    """
    kept = check_id(index, number)
    found = index.search(number, ids=(number, number + 1)).query
    assert found is not None
    return schemas.Item(
        **query(found, version).model_dump(),
        file_name=PurePath(kept.image).name,
        payload=kept.payload,
    )


def hits(index: Index, found: results.Results, version: str) -> list[schemas.Hit]:
    """Results."""
    header = index.header
    codes = np.array([hit.code for hit in found.hits], np.uint8).reshape(-1, header.bits // 8)
    predictions = predict(codes, header.category_head, header.attribute_head)
    return [
        schemas.Hit(
            rank=hit.rank,
            id=hit.id,
            distance=hit.distance,
            differing=None if found.query is None else differing(hit.code, found.query.code),
            code=hit.code.tobytes().hex(),
            score=hit.score,
            category=category(hit.labels.category, prediction),
            probabilities=hit.probabilities,
            labels=dict(hit.labels.attributes),
            verdict=verdict(found, hit),
            file_name=PurePath(hit.image).name,
            payload=hit.payload,
            thumbnail=thumbnail_of(hit.id, version),
        )
        for hit, prediction in zip(found.hits, predictions, strict=True)
    ]


def differing(code: NDArray[np.uint8], other: NDArray[np.uint8]) -> str:
    """The bits in which two packed codes differ, in hexadecimal."""
    return (code ^ other).tobytes().hex()


def facets(index: Index) -> schemas.Attributes:
    """All attributes by facet, with how many items have each."""
    grouped: dict[str | None, list[schemas.FacetValue]] = {}
    for name in index.header.attribute_head.names:
        facet = facet_of(name)
        value = schemas.FacetValue(
            name=name,
            label=name if facet is None else name.removeprefix(f"{facet}="),
            present=index.search(task="combined", want=[name], k=1).matched,
        )
        grouped.setdefault(facet, []).append(value)
    return schemas.Attributes(
        facets=[schemas.Facet(facet=facet, attributes=each) for facet, each in grouped.items()],
        categories=list(index.header.category_head.names),
    )


def fields(index: Index) -> schemas.Fields:
    """Returns the fields that a search can filter by, with common values."""
    counts: dict[str, Counter[str]] = {CATEGORY: Counter()}
    read = 0
    for kept in _spread_items(index):
        read += 1
        for field, value in facts_of(kept.labels.category, kept.payload).items():
            counts.setdefault(field, Counter())[value] += 1
    names = [CATEGORY, *sorted(counts.keys() - {CATEGORY})]
    return schemas.Fields(fields=[_field(name, counts[name]) for name in names], items=read)


def _spread_items(index: Index) -> Iterator[results.Item]:
    if len(index) <= FIELD_ITEMS:
        yield from index
        return
    for start in range(0, index.state.next_id, index.state.next_id // FIELD_STRETCHES + 1):
        yield from islice(index.items(start), FIELD_ITEMS // FIELD_STRETCHES)


def _field(name: str, counts: Counter[str]) -> schemas.FilterField:
    common = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if len(common) > FIELD_VALUES:  # values of single items, such as names, are no help
        common = [(value, items) for value, items in common[:FIELD_VALUES] if items > 1]
    values = [schemas.FieldValue(value=value, items=items) for value, items in common]
    return schemas.FilterField(name=name, values=values, complete=len(values) == len(counts))


def model(index: Index) -> schemas.Model:
    """What a program needs to read codes."""
    header = index.header
    return schemas.Model(
        bits=header.bits,
        views=header.views,
        model=header.model_hash,
        attribute_weight=header.attribute_weight,
        category=_head(header.category_head),
        attribute=_head(header.attribute_head),
    )


def _head(head: LinearHead) -> schemas.Head:
    weight, bias = (
        b64encode(array.astype("<f4").tobytes()).decode() for array in (head.weight, head.bias)
    )
    return schemas.Head(names=list(head.names), weight=weight, bias=bias)


def samples(index: Index, version: str, count: int, rng: np.random.Generator) -> schemas.Samples:
    """Different items drawn at random, at most `count`."""
    last = index.state.next_id
    numbers: dict[int, None] = {}
    for start in rng.choice(last, min(last, 2 * count), replace=False).tolist() if last else ():
        near = next(index.items(start, start + 64), None)
        found = near or next(index.items(start), None) or next(index.items(), None)
        if found is not None and len(numbers) < count:
            numbers[found.id] = None
    return schemas.Samples(items=[item(index, version, number) for number in numbers])


def bits(index: Index) -> schemas.Bits:
    """The attributes that each bit carries."""
    head = index.header.attribute_head
    return schemas.Bits(
        bits=[
            [
                schemas.Carried(name=carried.name, attribution=carried.attribution)
                for carried in carried_attributes(head, bit, CARRIED)
            ]
            for bit in range(index.header.bits)
        ]
    )
