"""How well a binary property separates categories: sums over all pairs of images, in closed form.

Source: Liu et al. 2020, section 3.6, equations 9 and 11. For a property x in {0, 1} of the images,
a bit of the code or an attribute label, both equations read

    - sum over y_i = y_j of (x_i - x_j)^2  +  lambda * sum over y_i != y_j of (x_i - x_j)^2

over all ordered pairs, with lambda = S / D, the number S of pairs of the same category divided by
the number D of pairs of different ones. As printed, an image forms a pair of the same category with
itself. In a category with n images, s of them with the property, 2 s (n - s) pairs differ. So class
counts are enough, and no loop over pairs is needed.

Deviation: the value is divided by S. The result is

    (share of the pairs of different categories that differ) - (share of the pairs of the same
    category that differ),

in [-1, 1]: 1 if each category has the property in all images or in none and no two categories
share it, about 0 if the property does not depend on categories. Min-max normalisation and
correlations of section 3.6 do not change if every image has every label. With missing labels, only
the shares can be compared between attributes.
"""

import numpy as np
from numpy.typing import NDArray

from dualhash.evaluation.bootstrap import divide


def separation(
    values: NDArray[np.bool_],
    categories: NDArray[np.int64],
    observed: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Computes equations 9 and 11, divided by the number of pairs of the same category.

    Args:
        values: (N, m) bool, m properties of N images.
        categories: (N,) int64, negative if missing; such images are left out.
        observed: (N, m) bool, False if the value is missing; then the image is left out for that
            property. All are observed by default.

    Returns:
        (m,) float64 in [-1, 1]; NaN if fewer than two categories take part.
    """
    rows = np.flatnonzero(categories >= 0)
    rows = rows[np.argsort(categories[rows], kind="stable")]
    known = np.ones_like(values[rows]) if observed is None else observed[rows]
    starts = np.flatnonzero(np.diff(categories[rows], prepend=-1))
    images = _counts(known, starts)
    having = _counts(known & values[rows], starts)
    same, differing_same = images**2, 2 * having * (images - having)
    total, total_having = images.sum(axis=0), having.sum(axis=0)
    differing = 2 * total_having * (total - total_having)
    same, differing_same = same.sum(axis=0), differing_same.sum(axis=0)
    return divide(differing - differing_same, total**2 - same) - divide(differing_same, same)


def _counts(values: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Counts the true values in each run of rows, (C, m); float64 holds their products exactly."""
    if not len(starts):
        return np.zeros((0, values.shape[1]))
    counts: NDArray[np.float64] = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
    return counts
