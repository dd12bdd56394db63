"""Features and labels that shallow methods are fitted to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.progress import Display
from dualhash.training.data.training_data import TrainingData
from dualhash.training.data.training_labels import Rows, take

FEATURE_BATCH = 256

Report = Callable[[int, int], None]
"""Called with the numbers of completed steps and of all steps."""


def no_report(_done: int, _total: int) -> None:
    """Ignores progress."""


@dataclass(frozen=True, eq=False)
class Features:
    """Features and labels of N images.

    Attributes:
        values: (N, d) float32, L2-normalised features; for a `HeadMethod` the bits 0 and 1 of
            codes.
        labels: The visible labels.
    """

    values: NDArray[np.float32]
    labels: TrueLabels

    def with_category(self) -> "Features":
        """Returns the features of the images that have a category.

        Raises:
            DualhashError: There are fewer than two categories.
        """
        rows = np.flatnonzero(self.labels.categories != MISSING)
        if len(np.unique(self.labels.categories[rows])) < 2:
            raise DualhashError(
                "This method learns from categories, and its training images have fewer than two: "
                "label more images of train-both and train-category."
            )
        return self.take(rows)

    def take(self, rows: Rows) -> "Features":
        """Returns the features of some images."""
        return Features(self.values[rows], take(self.labels, rows))


def compute_features(
    compute: Callable[[Rows], NDArray[np.floating] | NDArray[np.bool_]],
    size: int,
    data: TrainingData,
    rows: Rows,
    display: Display,
) -> Features:
    """Computes features in batches.

    Args:
        compute: Returns the features (n, size) of n rows.
        size: d.
        data: Images and labels.
        rows: N rows of `data`.
        display: Shows progress.
    """
    values = np.empty((len(rows), size), np.float32)
    with display.bar("features") as step:
        for start in range(0, len(rows), FEATURE_BATCH):
            values[start : start + FEATURE_BATCH] = compute(rows[start : start + FEATURE_BATCH])
            step(min(start + FEATURE_BATCH, len(rows)), len(rows))
    return Features(values, take(data.labels, rows))
