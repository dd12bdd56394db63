"""An index of codes in one file, and the three kinds of exact search in it."""

from dualhash.search.build import BuildReport, add_images, build_index
from dualhash.search.index import Index
from dualhash.search.request import SearchOptions, infer_task
from dualhash.search.results import TASKS, Hit, Item, ItemLabels, Query, Results, Task
from dualhash.search.storage.verify import Stats

__all__ = [
    "TASKS",
    "BuildReport",
    "Hit",
    "Index",
    "Item",
    "ItemLabels",
    "Query",
    "Results",
    "SearchOptions",
    "Stats",
    "Task",
    "add_images",
    "build_index",
    "infer_task",
]
