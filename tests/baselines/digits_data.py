"""Data on which every comparison method must do well."""

from functools import cache

import numpy as np
from sklearn.datasets import load_digits

from dualhash.baselines.common.features import Features
from dualhash.evaluation.category_retrieval import category_precisions
from dualhash.evaluation.true_labels import TrueLabels


@cache
def digits() -> tuple[Features, Features]:
    """Handwritten digits to train and to test on, 8x8 pixels as features of length 1.

    The attributes are "a closed loop" (0, 6, 8, 9) and "more ink in the upper half than usual";
    the first is not known of every third image.
    """
    pixels, categories = load_digits(return_X_y=True)
    ink = pixels[:, :32].sum(axis=1) / pixels.sum(axis=1)
    values = (pixels / np.linalg.norm(pixels, axis=1, keepdims=True)).astype(np.float32)
    attributes = np.column_stack([np.isin(categories, [0, 6, 8, 9]), ink > np.median(ink)])
    observed = np.ones(attributes.shape, bool)
    observed[::3, 0] = False
    labels = TrueLabels(categories.astype(np.int64), attributes.astype(np.int8), observed)
    whole = Features(values, labels)
    return whole.take(np.arange(600)), whole.take(np.arange(600, 1100))


def mean_average_precision(bits: np.ndarray, features: Features) -> float:
    """Category mAP, leave-one-out."""
    return float(np.nanmean(category_precisions(bits, features.labels.categories)))
