"""An index of codes in one file, and exact searches in it.

In: codes with image paths, labels and payloads; queries with a `SearchRequest`.
Out: `Results`.
May import: `catalogue` and `codes`; no torch.
"""

from dualhash.search.build import BuildReport, add_images, build_index
from dualhash.search.index import Index
from dualhash.search.request import SearchOptions, SearchRequest
from dualhash.search.results import TASKS, CodedItem, Hit, Item, ItemLabels, Query, Results, Task
from dualhash.search.storage.verify import Stats

__all__ = [
    "TASKS",
    "BuildReport",
    "CodedItem",
    "Hit",
    "Index",
    "Item",
    "ItemLabels",
    "Query",
    "Results",
    "SearchOptions",
    "SearchRequest",
    "Stats",
    "Task",
    "add_images",
    "build_index",
]
