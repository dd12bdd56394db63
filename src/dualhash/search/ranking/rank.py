"""Ranks codes in memory for each task (section 3.5), exactly; many queries at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dualhash.search.kernels import Bitmap, has, most_probable, size, weighted_nearest
from dualhash.search.ranking.attribute_predicates import AttributePredicates
from dualhash.search.ranking.code_table import CodeTable
from dualhash.search.results import Query, Task

NO_ITEM = -1
"""The id of a query that is no item."""


@dataclass(frozen=True, eq=False)
class QueryBatch:
    """Q queries that are alike except for their codes.

    Attributes:
        codes: (Q, k/8) uint8, packed; None for searches by attributes alone.
        own: (Q,) int64, id of the item that a query is, and that it does not find; `NO_ITEM` if it
            is none.
    """

    codes: NDArray[np.uint8] | None
    own: NDArray[np.int64]

    @classmethod
    def of(cls, queries: Sequence[Query | None]) -> Self:
        """Takes queries that all have codes, or all have none."""
        ids = [None if query is None else query.id for query in queries]
        own = [NO_ITEM if item is None else item for item in ids]
        codes = [query.code for query in queries if query is not None]
        return cls(np.stack(codes) if codes else None, np.array(own, np.int64))


@dataclass(frozen=True, eq=False)
class RankedIds:
    """The best items for a query.

    Attributes:
        ids: (m,) int64, best first.
        matched: How many items matched.
        distances: (m,) Hamming distances from the query, if they were computed.
        probabilities: (m,) float64 joint probabilities of the chosen attributes, likewise.
        scores: (m,) float64, log posteriors, in a search by posterior.
        category_probabilities: (m,) float64, likewise, of the category of the query or a named one.
    """

    ids: NDArray[np.int64]
    matched: int
    distances: NDArray[np.integer] | None = None
    probabilities: NDArray[np.float64] | None = None
    scores: NDArray[np.float64] | None = None
    category_probabilities: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class SearchScope:
    """The codes to search and the number of results.

    Attributes:
        table: The codes.
        allowed: Which of them may be found.
        k: Rank of the last result, at least 1.
        radius: Largest Hamming distance from the query, at least 0; None for any distance.
        threads: Number of threads, at least 1; the result does not depend on it.
        offset: Number of best results to skip.
    """

    table: CodeTable
    allowed: Bitmap
    k: int
    radius: int | None = None
    threads: int = 1
    offset: int = 0

    def limit(self, queries: QueryBatch) -> int:
        """Returns how many to find so that k are left without the query itself."""
        return self.k + bool((queries.own != NO_ITEM).any())

    def first(self, ids: NDArray[np.int64], own: int, **values: NDArray[Any]) -> RankedIds:
        """Returns the best ids after the offset, without that of the query itself.

        All allowed codes match; within a radius, those with `ids`. `values` are further fields of
        `RankedIds`, of all ids.
        """
        others = np.flatnonzero(ids != own)
        matched = len(others)
        if self.radius is None:
            matched = size(self.allowed)
            if own != NO_ITEM:
                matched -= has(self.allowed, int(self.table.positions(np.array([own]))[0]))
        shown = others[self.offset : self.k]
        of_shown = {name: each[shown] for name, each in values.items()}
        return RankedIds(ids[shown], matched, **of_shown)


def rank(
    task: Task,
    queries: QueryBatch,
    predicates: AttributePredicates,
    scope: SearchScope,
    attribute_weight: float = 0.0,
) -> list[RankedIds]:
    """Returns the best items for each of Q queries; ties are ordered by id.

    `category` and `combined` rank by ascending Hamming distance, or by probability without a query.
    Items match if they are allowed, meet the predicates (for `combined`) and are within the radius.

    Args:
        task: Their task, which has what it needs (see `SearchRequest.task_for`).
        queries: The queries.
        predicates: The chosen attributes; empty for `category`.
        scope: What is searched.
        attribute_weight: For the task `weighted`.
    """
    if task == "weighted":
        return by_weight(queries, predicates, scope, attribute_weight)
    if task == "combined":
        met = scope.table.meeting(predicates, scope.threads)
        scope = replace(scope, allowed=scope.allowed & met)
    if task == "attribute" or queries.codes is None:
        return by_attributes(queries, predicates, scope)
    codes, limits = scope.table.codes, (scope.threads, scope.allowed)
    found: Iterable[tuple[NDArray[np.int32], NDArray[np.int64]]]
    if scope.radius is None:
        found = zip(*codes.nearest(queries.codes, scope.limit(queries), *limits), strict=True)
    else:
        found = (codes.within(code, scope.radius, *limits) for code in queries.codes)
    return [
        scope.first(ids, own, distances=distances)
        for (distances, ids), own in zip(found, queries.own.tolist(), strict=True)
    ]


def by_attributes(
    queries: QueryBatch, predicates: AttributePredicates, scope: SearchScope
) -> list[RankedIds]:
    """Ranks by descending joint probability of the wanted values. All allowed codes match."""
    codes = scope.table.codes
    probabilities, ids = most_probable(
        codes.matrix,
        predicates.head,
        predicates.wanted,
        scope.limit(queries),
        ids=codes.ids,
        allowed=scope.allowed,
        likely=scope.table.meeting_each(predicates.at_even_odds, scope.threads),
        bounds=scope.table.bounds(predicates, scope.threads),
        threads=scope.threads,
    )
    return [scope.first(ids, own, probabilities=probabilities) for own in queries.own.tolist()]


def by_weight(
    queries: QueryBatch, predicates: AttributePredicates, scope: SearchScope, weight: float
) -> list[RankedIds]:
    """Ranks by ascending distance minus `weight` times the log of the joint probability.

    All allowed codes match. The paper names such a ranking as future work (section 5).
    """
    assert queries.codes is not None
    likely, codes = scope.table.meeting(predicates.at_even_odds, scope.threads), scope.table.codes
    ranked = []
    for code, own in zip(queries.codes, queries.own.tolist(), strict=True):
        _, ids = weighted_nearest(
            codes.matrix,
            code,
            predicates.head,
            predicates.wanted,
            weight,
            scope.limit(queries),
            ids=codes.ids,
            allowed=scope.allowed,
            likely=likely,
            threads=scope.threads,
        )
        ranked.append(scope.first(ids, own))
    return ranked
