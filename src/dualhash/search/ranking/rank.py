"""The kinds of query on codes in memory (section 3.5), exact; many queries at once."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.kernels import (
    Bitmap,
    has,
    most_probable,
    nearest,
    size,
    weighted_nearest,
    within_radius,
)
from dualhash.search.ranking.attribute_predicates import AttributePredicates
from dualhash.search.ranking.code_table import CodeTable
from dualhash.search.results import Task

NOBODY = -1


@dataclass(frozen=True, eq=False)
class QueryBatch:
    """Q queries that are alike but for their codes.

    Attributes:
        codes: (Q, k/8) uint8, packed; None for one query that is made of attributes alone.
        own: (Q,) int64, position of the item that a query is and does not find; `NOBODY` where it
            is none.
    """

    codes: NDArray[np.uint8] | None
    own: NDArray[np.int64]

    @classmethod
    def of(cls, codes: NDArray[np.uint8] | None) -> "QueryBatch":
        """Queries that are no items."""
        return cls(codes, np.full(1 if codes is None else len(codes), NOBODY))


@dataclass(frozen=True, eq=False)
class RankedIds:
    """The best of what matched.

    Attributes:
        ids: At most k, best first.
        matched: How many matched in all.
    """

    ids: NDArray[np.int64]
    matched: int


@dataclass(frozen=True, eq=False)
class SearchScope:
    """Where is searched, and how much of it is given back.

    Attributes:
        table: The codes.
        allowed: Which of them may be found.
        k: How many at most, at least 1.
        radius: How far they may be from the query, at least 0; None for any distance.
        threads: How many share the work, at least 1; the result does not depend on it.
    """

    table: CodeTable
    allowed: Bitmap
    k: int
    radius: int | None = None
    threads: int = 1

    def meeting(self, conditions: AttributePredicates) -> "SearchScope":
        """Only the codes that have the wanted values."""
        met = self.table.meeting(conditions, self.threads)
        return replace(self, allowed=self.allowed & met)

    def enough(self, queries: QueryBatch) -> int:
        """So many are looked for that k are left without a query itself."""
        return self.k + bool((queries.own != NOBODY).any())

    def first(self, positions: NDArray[np.int64], own: int) -> RankedIds:
        """The first k that are not the query itself, where all that is allowed matches."""
        matched = size(self.allowed) - (own != NOBODY and has(self.allowed, own))
        return RankedIds(self.table.ids_at(positions[positions != own][: self.k]), matched)


def rank(
    task: Task,
    queries: QueryBatch,
    conditions: AttributePredicates,
    scope: SearchScope,
    attribute_weight: float = 0.0,
) -> list[RankedIds]:
    """The best codes for each of Q queries.

    Args:
        task: Of which kind they are.
        queries: All of them.
        conditions: What is asked of attributes; may be empty for `category`.
        scope: What is searched.
        attribute_weight: How much probabilities weigh, for the task `weighted`.

    Raises:
        DualhashError: The task needs a query or attributes that are not there, or has no use for
            what is.
    """
    without_query = queries.codes is None
    check_task(task, conditions, scope.radius, query=not without_query)
    if task == "weighted":
        return by_weight(queries, conditions, scope, attribute_weight)
    if task == "combined":
        scope = scope.meeting(conditions)
    if task == "attribute" or without_query:
        return by_attributes(queries, conditions, scope)
    return by_distance(queries, scope)


def check_task(
    task: Task, conditions: AttributePredicates, radius: int | None, *, query: bool
) -> None:
    """Refuses what makes no query of a kind.

    Args:
        task: Of which kind it is.
        conditions: What is asked of attributes; may be empty for `category`.
        radius: How far results may be from the query; None for any distance.
        query: Whether there is one.

    Raises:
        DualhashError: The task needs a query or attributes that are not there, or has no use for
            what is.
    """
    if task in ("category", "weighted") and not query:
        raise DualhashError(f"The task {task} needs a query: an image, or an id as id:17.")
    if task == "category" and conditions.values:
        raise DualhashError(
            "The task category takes no attributes. The task combined ranks by category among "
            "items with chosen attributes, the task attribute by the attributes alone."
        )
    if task != "category" and not conditions.values:
        raise DualhashError(
            f"The task {task} needs at least one attribute: one that is wanted, one that is "
            "unwanted, or one whose value is taken over from the query."
        )
    if radius is not None and (task in ("attribute", "weighted") or not query):
        raise DualhashError(
            "A range of distances needs a query, and the task category or combined to rank by them."
        )


def by_distance(queries: QueryBatch, scope: SearchScope) -> list[RankedIds]:
    """Ascending Hamming distance from each query, ties by id.

    All allowed codes match, or those within the radius.
    """
    assert queries.codes is not None
    if scope.radius is not None:
        return [_near(*query, scope) for query in zip(queries.codes, queries.own, strict=True)]
    _, found = nearest(
        scope.table.blocks,
        queries.codes,
        scope.enough(queries),
        allowed=scope.allowed,
        threads=scope.threads,
    )
    return [scope.first(*each) for each in zip(found, queries.own.tolist(), strict=True)]


def _near(code: NDArray[np.uint8], own: int, scope: SearchScope) -> RankedIds:
    assert scope.radius is not None
    _, found = within_radius(
        scope.table.blocks, code, scope.radius, allowed=scope.allowed, threads=scope.threads
    )
    others = found[found != own]
    return RankedIds(scope.table.ids_at(others[: scope.k]), len(others))


def by_attributes(
    queries: QueryBatch, conditions: AttributePredicates, scope: SearchScope
) -> list[RankedIds]:
    """Descending joint probability of the conditions, ties by id. All allowed codes match."""
    _, found = most_probable(
        scope.table.blocks,
        conditions.head,
        conditions.wanted,
        scope.enough(queries),
        allowed=scope.allowed,
        likely=scope.table.meeting_each(conditions.at_even_odds, scope.threads),
        threads=scope.threads,
    )
    return [scope.first(found, own) for own in queries.own.tolist()]


def by_weight(
    queries: QueryBatch, conditions: AttributePredicates, scope: SearchScope, weight: float
) -> list[RankedIds]:
    """Ascending distance minus `weight` times the log of the joint probability, ties by id.

    All allowed codes match. The paper names such a ranking as future work (section 5).
    """
    assert queries.codes is not None
    likely = scope.table.meeting(conditions.at_even_odds, scope.threads)
    rankings = []
    for code, own in zip(queries.codes, queries.own.tolist(), strict=True):
        _, found = weighted_nearest(
            scope.table.blocks,
            code,
            conditions.head,
            conditions.wanted,
            weight,
            scope.enough(queries),
            allowed=scope.allowed,
            likely=likely,
            threads=scope.threads,
        )
        rankings.append(scope.first(found, own))
    return rankings
