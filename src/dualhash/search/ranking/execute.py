"""From questions to results, on one state of an index."""

import os
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dualhash.search.hamming import as_words, distances
from dualhash.search.ranking.attribute_predicates import AttributePredicates, choose
from dualhash.search.ranking.code_cache import CodeCache
from dualhash.search.ranking.rank import NOBODY, QueryBatch, RankedIds, SearchScope, rank
from dualhash.search.request import SearchRequest
from dualhash.search.results import Hit, Item, Query, Results
from dualhash.search.storage.reader import IndexReader

DEFAULT_ATTRIBUTE_WEIGHT = 4.0
"""How much probabilities weigh where nothing was found out for the model."""


def answer(
    queries: Sequence[Query | None],
    question: SearchRequest,
    store: IndexReader,
    resident: CodeCache,
) -> list[Results]:
    """The results of each of several queries, in their order.

    QueryBatch for the same values of attributes are searched together. Use it within one block of
    `IndexReader.reading`.

    Args:
        queries: What is searched for; None where attributes alone say it.
        question: What is asked of all of them.
        store: The index.
        resident: Its codes.

    Raises:
        DualhashError: It makes no query of this kind, an attribute or field is not known, or the
            index is damaged.
    """
    asked = [_conditions(store, query, question) for query in queries]
    table, allowed = resident.table(), resident.allowed(question.filter)
    if question.ids is not None:
        allowed = allowed & table.between(*question.ids)
    threads = question.threads or os.cpu_count() or 1
    scope = SearchScope(table, allowed, question.last, question.radius, threads)
    attribute_weight = _attribute_weight(question, store)
    rankings: dict[int, RankedIds] = {}
    for rows in _alike(queries, asked):
        some = [query for row in rows if (query := queries[row]) is not None]
        together = QueryBatch(
            np.stack([query.code for query in some]) if some else None,
            np.array([_position(resident, query) for query in some] or [NOBODY]),
        )
        found = rank(question.task, together, asked[rows[0]], scope, attribute_weight or 0.0)
        rankings |= zip(rows, found if some else found * len(rows), strict=True)
    ids = {row: found.ids[question.offset :] for row, found in rankings.items()}
    items = _items(store, np.concatenate([np.empty(0, np.int64), *ids.values()]))
    return [
        Results(
            task=question.task,
            bits=store.header.bits,
            query=query,
            conditions=asked[row].values,
            matched=rankings[row].matched,
            hits=hits(
                items, ids[row], table.codes(ids[row]), query, asked[row], offset=question.offset
            ),
            threshold=question.threshold,
            attribute_weight=attribute_weight,
        )
        for row, query in enumerate(queries)
    ]


def _conditions(
    store: IndexReader, query: Query | None, question: SearchRequest
) -> AttributePredicates:
    return choose(
        store.header.attribute_head,
        want=question.want,
        without=question.without,
        match=question.match,
        code=None if query is None else query.code,
        threshold=question.threshold,
    )


def _attribute_weight(question: SearchRequest, store: IndexReader) -> float | None:
    if question.task != "weighted":
        return None
    if question.attribute_weight is not None:
        return question.attribute_weight
    return (
        DEFAULT_ATTRIBUTE_WEIGHT
        if store.header.attribute_weight is None
        else store.header.attribute_weight
    )


def _alike(
    queries: Sequence[Query | None], asked: Sequence[AttributePredicates]
) -> Iterable[list[int]]:
    """Rows of queries that ask for the same values."""
    rows: dict[object, list[int]] = {}
    for row, (query, conditions) in enumerate(zip(queries, asked, strict=True)):
        rows.setdefault((query is None, *conditions.values.items()), []).append(row)
    return rows.values()


def _position(resident: CodeCache, query: Query) -> int:
    if query.id is None:
        return NOBODY
    (position,) = resident.table().positions(np.array([query.id]))
    return int(position)


def _items(store: IndexReader, ids: NDArray[np.int64]) -> dict[int, Item]:
    items = store.items(ids)
    for item in ids.tolist():
        if item not in items:
            raise store.records.damaged(f"item {item}")
    return items


def hits(
    items: Mapping[int, Item],
    ids: NDArray[np.int64],
    codes: NDArray[np.uint8],
    query: Query | None,
    conditions: AttributePredicates,
    *,
    offset: int,
) -> tuple[Hit, ...]:
    """Ids and their codes that rank after the first `offset`, with everything shown of them."""
    near: list[int | None] = [None] * len(ids)
    if query is not None:
        near = distances(as_words(query.code), as_words(codes)).tolist()
    return tuple(
        Hit(
            rank=rank,
            id=item,
            distance=distance,
            score=score,
            probabilities=probabilities,
            image=items[item].image,
            labels=items[item].labels,
            payload=items[item].payload,
            code=code,
        )
        for rank, (item, code, distance, (score, probabilities)) in enumerate(
            zip(ids.tolist(), codes, near, conditions.evidence(codes), strict=True),
            start=offset + 1,
        )
    )
