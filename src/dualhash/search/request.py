"""What a search asks for, apart from its query."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from dualhash.errors import DualhashError, nearest
from dualhash.search.results import TASKS, Task

PRESENT = 0.5
"""The probability from which on an attribute counts as present (section 3.5)."""


class SearchOptions(TypedDict, total=False):
    """The options of a search, as `Index.search` describes them."""

    task: Task | None
    want: Iterable[str]
    without: Iterable[str]
    match: Iterable[str]
    filter: Mapping[str, object]
    ids: tuple[int, int] | None
    radius: int | None
    threshold: float
    attribute_weight: float | None
    k: int
    offset: int
    threads: int | None


@dataclass(frozen=True)
class SearchRequest:
    """One set of options, checked; `Index.search` says what each means. `make_request` makes one.

    Raises:
        DualhashError: There is no such task, or a number is out of range.
    """

    task: Task
    want: Iterable[str] = ()
    without: Iterable[str] = ()
    match: Iterable[str] = ()
    filter: Mapping[str, object] = field(default_factory=dict)
    ids: tuple[int, int] | None = None
    radius: int | None = None
    threshold: float = PRESENT
    attribute_weight: float | None = None
    k: int = 20
    offset: int = 0
    threads: int | None = None

    @property
    def last(self) -> int:
        """The rank of the last result."""
        return self.offset + self.k

    def __post_init__(self) -> None:
        for name in ("want", "without", "match"):
            object.__setattr__(self, name, _names(getattr(self, name)))
        if self.task not in TASKS:
            raise DualhashError(f"There is no task {self.task!r}. {nearest(self.task, TASKS)}")
        for name in self.match:
            if name in (*self.want, *self.without):
                raise DualhashError(
                    f"The attribute {name!r} is both stated and taken over from the query; choose "
                    "one."
                )
        for what, number, least in (
            ("number of results k", self.k, 1),
            ("number of results to skip", self.offset, 0),
            ("range of distances", self.radius, 0),
            ("number of threads", self.threads, 1),
        ):
            if number is not None and number < least:
                raise DualhashError(f"The {what} must be at least {least}, not {number}.")
        if self.ids is not None and self.ids[0] > self.ids[1]:
            start, stop = self.ids
            raise DualhashError(f"The ids {start}:{stop} end before they begin.")
        if not 0 < self.threshold < 1:
            raise DualhashError(f"The threshold must lie between 0 and 1, not at {self.threshold}.")
        if self.threshold != PRESENT and self.task != "combined":
            raise DualhashError("A threshold is for the task combined, which filters by it.")
        if self.attribute_weight is not None and self.task != "weighted":
            raise DualhashError("A weight of probabilities is for the task weighted.")
        if self.attribute_weight is not None and not (
            self.attribute_weight >= 0 and math.isfinite(self.attribute_weight)
        ):
            raise DualhashError(
                f"The weight of probabilities is 0 or more, not {self.attribute_weight}."
            )


def make_request(options: SearchOptions, *, query: bool) -> SearchRequest:
    """The question that options make, of the task that they are meant for where none is named.

    Args:
        options: Of the search.
        query: Whether there is one, or several.

    Raises:
        DualhashError: There is no such task, or a number is out of range.
    """
    task = options.get("task") or infer_task(options, query=query)
    given: dict[str, Any] = {**options, "task": task}
    return SearchRequest(**given)


def infer_task(options: SearchOptions, *, query: bool) -> Task:
    """The task that options are meant for, where none is named.

    Args:
        options: Of the search.
        query: Whether there is one, or several.

    Returns:
        `weighted` with a weight for it; else `category` where no attribute is named, `attribute`
        where only they are, or values are taken over from the query; and `combined` with both.
    """
    stated = options.get("want") or options.get("without")
    if options.get("attribute_weight") is not None:
        return "weighted"
    if not stated and not options.get("match"):
        return "category"
    return "combined" if query and stated else "attribute"


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
