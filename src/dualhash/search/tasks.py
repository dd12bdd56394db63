"""The three kinds of query on codes in memory (section 3.5), exact."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.errors import nearest as nearest_names
from dualhash.search.code_table import CodeTable
from dualhash.search.conditions import Conditions
from dualhash.search.kernels import Bitmap, most_probable, nearest, size, within
from dualhash.search.results import TASKS, Task


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best of what matched.

    Attributes:
        ids: At most k, best first.
        matched: How many matched in all.
    """

    ids: NDArray[np.int64]
    matched: int


@dataclass(frozen=True, eq=False)
class Scope:
    """Where is searched, and how much of it is given back.

    Attributes:
        table: The codes.
        allowed: Which of them may be found.
        k: How many at most, at least 1.
        radius: How far they may be from the query, at least 0; None for any distance.
        threads: How many share the work, at least 1; the result does not depend on it.

    Raises:
        DualhashError: A number is too small.
    """

    table: CodeTable
    allowed: Bitmap
    k: int
    radius: int | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if self.k < 1:
            raise DualhashError(f"The number of results k must be at least 1, not {self.k}.")
        if self.radius is not None and self.radius < 0:
            raise DualhashError(f"The range of distances must be at least 0, not {self.radius}.")
        if self.threads < 1:
            raise DualhashError(f"The number of threads must be at least 1, not {self.threads}.")

    def meeting(self, conditions: Conditions) -> "Scope":
        """Only the codes that have the wanted values."""
        met = self.table.meeting(conditions, self.threads)
        return replace(self, allowed=self.allowed & met)


def rank(
    task: Task,
    query: NDArray[np.uint8] | None,
    conditions: Conditions,
    scope: Scope,
) -> Ranking:
    """The best codes for one of the three tasks.

    Args:
        task: Which.
        query: (k/8,) packed code, None without a query.
        conditions: What is asked of attributes; may be empty for `category`.
        scope: What is searched.

    Raises:
        DualhashError: The task is not known, needs a query or attributes that are not there, or
            has no use for what is.
    """
    if task not in TASKS:
        raise DualhashError(f"There is no task {task!r}. {nearest_names(task, TASKS)}")
    if task == "category":
        if query is None:
            raise DualhashError("The task category needs a query: an image, or an id as id:17.")
        if conditions.values:
            raise DualhashError(
                "The task category takes no attributes. --task combined ranks by category among "
                "items with chosen attributes, --task attribute by the attributes alone."
            )
        return by_category(query, scope)
    if not conditions.values:
        raise DualhashError(
            f"The task {task} needs at least one attribute: one that is wanted, one that is "
            "unwanted, or one whose value is taken over from the query."
        )
    if scope.radius is not None and (task == "attribute" or query is None):
        raise DualhashError(
            "A range of distances needs a query, and the task category or combined to rank by them."
        )
    if task == "attribute":
        return by_attributes(conditions, scope)
    return combined(query, conditions, scope)


def by_category(query: NDArray[np.uint8], scope: Scope) -> Ranking:
    """Ascending Hamming distance from the query (k/8,), ties by id.

    All allowed codes match, or those within the radius.
    """
    blocks, allowed, threads = scope.table.blocks, scope.allowed, scope.threads
    if scope.radius is None:
        _, (positions,) = nearest(blocks, query[None], scope.k, allowed=allowed, threads=threads)
        return Ranking(scope.table.ids[positions], size(allowed))
    _, positions = within(blocks, query, scope.radius, allowed=allowed, threads=threads)
    return Ranking(scope.table.ids[positions[: scope.k]], len(positions))


def by_attributes(conditions: Conditions, scope: Scope) -> Ranking:
    """Descending joint probability of the conditions, ties by id. All allowed codes match."""
    _, positions = most_probable(
        scope.table.blocks,
        conditions.head,
        conditions.wanted,
        scope.k,
        allowed=scope.allowed,
        likely=scope.table.meeting(conditions, scope.threads),
        threads=scope.threads,
    )
    return Ranking(scope.table.ids[positions], size(scope.allowed))


def combined(query: NDArray[np.uint8] | None, conditions: Conditions, scope: Scope) -> Ranking:
    """The codes that meet the conditions, in ascending Hamming distance from the query.

    Without a query they come in descending joint probability.
    """
    matching = scope.meeting(conditions)
    return by_attributes(conditions, matching) if query is None else by_category(query, matching)
