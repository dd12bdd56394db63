"""The three kinds of query on codes in memory (section 3.5): exact, by a scan of all codes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError, nearest
from dualhash.search.conditions import Conditions
from dualhash.search.hamming import as_words, distances
from dualhash.search.ranking import first
from dualhash.search.results import TASKS, Task


@dataclass(frozen=True, eq=False)
class CodeTable:
    """N codes with their ids.

    Attributes:
        ids: (N,) int64, distinct.
        codes: (N, k/8) uint8, packed.
    """

    ids: NDArray[np.int64]
    codes: NDArray[np.uint8]

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        """The codes as words (N, ceil(k/64))."""
        return as_words(self.codes)

    def distances(self, query: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Hamming distances (N,) from a packed code (k/8,)."""
        return distances(as_words(query), self.words)

    def take(self, rows: NDArray[np.generic]) -> "CodeTable":
        """Only these rows, given as indices or as a mask."""
        return CodeTable(self.ids[rows], self.codes[rows])

    def of(self, ids: NDArray[np.int64]) -> "CodeTable":
        """The codes of these ids, in their order; this table's ids must be ascending."""
        return self.take(np.searchsorted(self.ids, ids))

    def leave_out(self, item: int) -> "CodeTable":
        """All but the code of one id."""
        return self.take(self.ids != item)


@dataclass(frozen=True, eq=False)
class Ranking:
    """The best of what matched.

    Attributes:
        ids: At most k, best first.
        matched: How many matched in all.
    """

    ids: NDArray[np.int64]
    matched: int


def rank(
    task: Task,
    query: NDArray[np.uint8] | None,
    conditions: Conditions,
    table: CodeTable,
    k: int,
) -> Ranking:
    """The k best of a table for one of the three tasks.

    Args:
        task: Which.
        query: (k/8,) packed code, None without a query.
        conditions: What is asked of attributes; may be empty for `category`.
        table: What is searched.
        k: At least 1.

    Raises:
        DualhashError: The task is not known, k is less than 1, or the task needs a query or
            attributes that are not there.
    """
    if task not in TASKS:
        raise DualhashError(f"There is no task {task!r}. {nearest(task, TASKS)}")
    if k < 1:
        raise DualhashError(f"The number of results k must be at least 1, not {k}.")
    if task == "category":
        if query is None:
            raise DualhashError("The task category needs a query: an image, or an id as id:17.")
        if conditions.values:
            raise DualhashError(
                "The task category takes no attributes; the task combined ranks by category "
                "among items with chosen attributes."
            )
        return by_category(query, table, k)
    if not conditions.values:
        raise DualhashError(
            f"The task {task} needs at least one attribute: one that is wanted, one that is "
            "unwanted, or one whose value is taken over from the query."
        )
    if task == "attribute":
        return by_attributes(conditions, table, k)
    return combined(query, conditions, table, k)


def by_category(query: NDArray[np.uint8], table: CodeTable, k: int) -> Ranking:
    """Ascending Hamming distance from the query (k/8,), ties by id. All codes match."""
    return _best(table.distances(query), table, k)


def by_attributes(conditions: Conditions, table: CodeTable, k: int) -> Ranking:
    """Descending joint probability of the conditions, ties by id. All codes match."""
    scores = conditions.scores(table.codes)
    return _best(-conditions.joint_probability(scores), table, k)


def combined(
    query: NDArray[np.uint8] | None, conditions: Conditions, table: CodeTable, k: int
) -> Ranking:
    """The codes that meet the conditions, in ascending Hamming distance from the query.

    Without a query they come in descending joint probability.
    """
    matching = table.take(conditions.met(conditions.scores(table.codes)))
    if query is None:
        return by_attributes(conditions, matching, k)
    return by_category(query, matching, k)


def _best(keys: NDArray[np.generic], table: CodeTable, k: int) -> Ranking:
    return Ranking(table.ids[first(keys, table.ids, k)], len(table.ids))
