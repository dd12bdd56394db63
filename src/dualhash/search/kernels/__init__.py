"""Exact searches of codes in memory, compiled.

In: packed codes, queries and bitmaps of allowed codes.
Out: ids with probabilities or posteriors, best first, then by id; positions with distances, ordered
    by (distance, position); whatever the threads and batches.
May import: `codes`.
"""

from dualhash.search.kernels.attribute_bounds import attribute_bounds
from dualhash.search.kernels.attribute_filter import attribute_bitmaps
from dualhash.search.kernels.attribute_ranking import most_probable
from dualhash.search.kernels.category_posteriors import CategoryPosteriors, category_posteriors
from dualhash.search.kernels.hamming import k_nearest, within_radius
from dualhash.search.kernels.layout import Bitmap, CodeMatrix, bitmap, bitmap_of, has, members, size
from dualhash.search.kernels.posterior import most_posterior
from dualhash.search.kernels.sigmoid import joint_probability
from dualhash.search.kernels.weighted import weighted_nearest

__all__ = [
    "Bitmap",
    "CategoryPosteriors",
    "CodeMatrix",
    "attribute_bitmaps",
    "attribute_bounds",
    "bitmap",
    "bitmap_of",
    "category_posteriors",
    "has",
    "joint_probability",
    "k_nearest",
    "members",
    "most_posterior",
    "most_probable",
    "size",
    "weighted_nearest",
    "within_radius",
]
