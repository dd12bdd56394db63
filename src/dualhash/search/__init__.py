"""An index of codes in one file, and the three kinds of exact search in it."""

from dualhash.search.build import BuildReport, add_images, build_index
from dualhash.search.index import Index
from dualhash.search.inspection import Stats
from dualhash.search.question import Options, infer_task
from dualhash.search.results import TASKS, Hit, Item, Labels, Query, Results, Task

__all__ = [
    "TASKS",
    "BuildReport",
    "Hit",
    "Index",
    "Item",
    "Labels",
    "Options",
    "Query",
    "Results",
    "Stats",
    "Task",
    "add_images",
    "build_index",
    "infer_task",
]
