"""The comparison methods of the paper, one per file.

Comes in: `TrainingData`. Goes out: an `ExportedModel`. May import `training` and what
it may import.
"""

from dualhash.baselines.method_registry import METHODS, find_method

__all__ = ["METHODS", "find_method"]
