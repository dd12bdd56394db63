"""Exact searches of codes in memory, compiled.

Results do not depend on threads, batches or how codes are divided. They are identified by position,
and in the order of (distance, position) or (-probability, position).
"""

from dualhash.search.kernels.attribute_filter import present
from dualhash.search.kernels.attribute_ranking import most_probable
from dualhash.search.kernels.hamming import nearest, within
from dualhash.search.kernels.layout import Bitmap, Blocks, bitmap, has, members, size
from dualhash.search.kernels.sigmoid import joint_probability
from dualhash.search.kernels.weighted import weighted_nearest

__all__ = [
    "Bitmap",
    "Blocks",
    "bitmap",
    "has",
    "joint_probability",
    "members",
    "most_probable",
    "nearest",
    "present",
    "size",
    "weighted_nearest",
    "within",
]
