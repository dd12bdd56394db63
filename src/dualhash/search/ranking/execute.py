"""Runs a search: from queries to results."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Failure
from dualhash.errors import DualhashError
from dualhash.search.query import CodedItems, QueryLike, encode, query_name, resolve
from dualhash.search.ranking.attribute_predicates import AttributePredicates, choose
from dualhash.search.ranking.by_posterior import PosteriorSettings, by_posterior
from dualhash.search.ranking.code_cache import CodeCache
from dualhash.search.ranking.rank import QueryBatch, RankedIds, SearchScope, rank
from dualhash.search.request import DEFAULT_ATTRIBUTE_WEIGHT, SearchRequest
from dualhash.search.results import Hit, Item, Query, Results, Task
from dualhash.search.storage.reader import IndexReader

BATCH = 256
"""Queries that are searched together."""

Searcher = Callable[[Sequence[Query | None], SearchRequest, Task], list[Results]]
"""Returns the results of each query; called in a block of `CodedItems.reading`."""


def search(
    source: CodedItems,
    searcher: Searcher,
    query: QueryLike | None,
    request: SearchRequest,
    *,
    posterior: bool = False,
) -> Results:
    """Returns the results of one query; `posterior` is that of `SearchRequest.task_for`.

    Raises:
        DualhashError: See `Index.search`.
    """
    task = request.task_for(query=query is not None, posterior=posterior)
    code = encode([query], source).get(0)
    with source.reading():
        resolved = None if query is None else resolve(query, source, code)
        (results,) = searcher([resolved], request, task)
    return results


def search_batch(
    source: CodedItems,
    searcher: Searcher,
    queries: Iterable[QueryLike],
    request: SearchRequest,
    *,
    posterior: bool = False,
) -> Iterator[Results | Failure]:
    """Returns an iterator over the results of each query, or why it cannot be used.

    Raises:
        DualhashError: The options do not fit together; raised before the first query is read.
    """
    task = request.task_for(query=True, posterior=posterior)
    return _batches(source, searcher, queries, request, task)


def _batches(
    source: CodedItems,
    searcher: Searcher,
    queries: Iterable[QueryLike],
    request: SearchRequest,
    task: Task,
) -> Iterator[Results | Failure]:
    """Encodes images before it reads a state of the index, so that writers need not wait."""
    remaining, start = iter(queries), 0
    while batch := list(islice(remaining, BATCH)):
        codes = encode(batch, source)
        resolved: dict[int, Query] = {}
        outcomes: dict[int, Results | Failure] = {}
        with source.reading():
            for row, query in enumerate(batch):
                try:
                    resolved[row] = resolve(query, source, codes.get(row))
                except DualhashError as error:
                    outcomes[row] = Failure(start + row, query_name(query), str(error))
            outcomes |= zip(resolved, searcher([*resolved.values()], request, task), strict=True)
        for row in range(len(batch)):
            yield outcomes[row]
        start += len(batch)


def search_file(
    index: IndexReader,
    cache: CodeCache,
    queries: Sequence[Query | None],
    request: SearchRequest,
    task: Task,
) -> list[Results]:
    """Returns the results of each query, on the current state of an index file.

    Queries that ask for the same attribute values are ranked together. Call it in a block of
    `IndexReader.reading`.

    Args:
        index: The index.
        cache: Its codes.
        queries: Each with its code; None for a search by attributes alone.
        request: The options.
        task: The task of `request`.

    Raises:
        DualhashError: An attribute or field is unknown, or the index is damaged.
    """
    head, calibration = index.header.calibrated_attribute_head, index.header.calibration
    predicates = [choose(head, request, query, calibration) for query in queries]
    table, allowed = cache.table(), cache.allowed(request.filter)
    if request.ids is not None:
        allowed = allowed & table.between(*request.ids)
    threads = request.threads or os.cpu_count() or 1
    scope = SearchScope(table, allowed, request.last, request.radius, threads, request.offset)
    settings = None
    if task == "posterior":
        settings = PosteriorSettings.of(index.header, request.category)
    weight = attribute_weight(request, task, calibration.attribute_weight)
    rankings: dict[int, RankedIds] = {}
    for rows in _same_values(queries, predicates):
        batch = QueryBatch.of([queries[row] for row in rows])
        if settings is not None:
            ranked = by_posterior(batch, predicates[rows[0]], scope, settings)
        else:
            ranked = rank(task, batch, predicates[rows[0]], scope, weight or 0.0)
        rankings |= zip(rows, ranked, strict=True)
    shown = [rankings[row] for row in range(len(queries))]
    ids = np.concatenate([np.empty(0, np.int64), *(best.ids for best in shown)])
    items = index.items_of(ids)
    for item in ids.tolist():
        if item not in items:
            raise index.records.damaged(f"item {item}")
    return [
        make_results(
            task,
            request,
            query,
            wanted,
            best,
            compared_bits=index.header.compared_bits,
            codes=table.codes_of(best.ids),
            items=items,
            attribute_weight=weight,
        )
        for query, wanted, best in zip(queries, predicates, shown, strict=True)
    ]


def attribute_weight(request: SearchRequest, task: Task, calibrated: float | None) -> float | None:
    """Returns the weight of a search with the task `weighted`, None for other tasks."""
    if task != "weighted":
        return None
    weights = request.attribute_weight, calibrated, DEFAULT_ATTRIBUTE_WEIGHT
    return next(weight for weight in weights if weight is not None)


def _same_values(
    queries: Sequence[Query | None], predicates: Sequence[AttributePredicates]
) -> Iterable[list[int]]:
    """Returns the rows of queries that ask for the same attribute values."""
    rows: dict[object, list[int]] = {}
    for row, (query, wanted) in enumerate(zip(queries, predicates, strict=True)):
        rows.setdefault((query is None, *wanted.values.items()), []).append(row)
    return rows.values()


def make_results(
    task: Task,
    request: SearchRequest,
    query: Query | None,
    predicates: AttributePredicates,
    best: RankedIds,
    *,
    compared_bits: int,
    codes: NDArray[np.uint8],
    items: Mapping[int, Item],
    attribute_weight: float | None = None,
) -> Results:
    """Returns ranked ids as results; computes only what their ranking has not.

    Args:
        task: The task of `request`.
        request: The options.
        query: The query, if there is one.
        predicates: The chosen attributes.
        best: The m ids after the offset.
        compared_bits: The number of leading bits that Hamming distances compare.
        codes: (m, k/8) uint8, packed.
        items: The m items, by id.
        attribute_weight: The weight that was used, if any.
    """
    distances: list[int] | list[None] = [None] * len(codes)
    if best.distances is not None:
        distances = best.distances.tolist()
    elif query is not None:
        differing = (codes ^ query.code)[:, : compared_bits // 8]
        distances = np.bitwise_count(differing).sum(axis=-1, dtype=np.int64).tolist()
    evidence = predicates.evidence(codes, best.probabilities)
    nothing: list[None] = [None] * len(codes)
    scores = [joint for joint, _ in evidence] if best.scores is None else best.scores.tolist()
    same_category = best.category_probabilities
    hits = tuple(
        Hit(
            rank=rank,
            distance=distance,
            score=score,
            probabilities=probabilities,
            category_probability=of_category,
            code=code,
            **vars(items[item]),
        )
        for rank, (item, code, distance, score, (_, probabilities), of_category) in enumerate(
            zip(
                best.ids.tolist(),
                codes,
                distances,
                scores,
                evidence,
                nothing if same_category is None else same_category.tolist(),
                strict=True,
            ),
            start=request.offset + 1,
        )
    )
    return Results(
        task=task,
        bits=compared_bits,
        query=query,
        conditions=predicates.values,
        matched=best.matched,
        hits=hits,
        thresholds=predicates.thresholds_by_name if task == "combined" else {},
        attribute_weight=attribute_weight,
        category=request.category,
    )
