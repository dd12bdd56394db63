"""The comparison methods of the paper, one per file; `common` holds what they share.

In: `TrainingData`.
Out: an `ExportedModel`.
May import: the packages up to `training`.
"""

from dualhash.baselines.method_registry import METHODS, find_method

__all__ = ["METHODS", "find_method"]
