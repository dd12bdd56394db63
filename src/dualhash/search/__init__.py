"""An index of codes in one file, and the three kinds of exact search in it."""

from dualhash.search.build import BuildReport, build_index
from dualhash.search.index import Index
from dualhash.search.results import TASKS, Hit, Item, Labels, Query, Results, Task

__all__ = [
    "TASKS",
    "BuildReport",
    "Hit",
    "Index",
    "Item",
    "Labels",
    "Query",
    "Results",
    "Task",
    "build_index",
]
