"""Naive references for the comparison methods."""

import numpy as np


def naive_rotation(projected: np.ndarray, start: np.ndarray, iterations: int) -> np.ndarray:
    """ITQ's alternation on (N, r), padded to the size of the rotation (k, k)."""
    padded = np.zeros((len(projected), len(start)))
    padded[:, : projected.shape[1]] = projected
    turned = start
    for _ in range(iterations):
        signs = np.sign(padded @ turned)
        left, _, right = np.linalg.svd(signs.T @ padded)
        turned = (left @ right).T
    return turned


def naive_pair_objective(codes: np.ndarray, categories: np.ndarray, ratio: float) -> float:
    """Distances over all ordered pairs: within categories, minus ratio times between."""
    total = 0.0
    for i in range(len(codes)):
        for j in range(len(codes)):
            distance = (codes[i] != codes[j]).sum()
            total += distance if categories[i] == categories[j] else -ratio * distance
    return total


def naive_separation(codes: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """DBC's update once: codes (N, k) of -1 and 1, each bit judged by the codes before."""
    after = codes.copy()
    for i, category in enumerate(categories):
        own = categories == category
        for j, bit in enumerate(codes[i]):
            otherwise = codes[:, j] == -bit
            # Against lambda = n_c / n times those of other categories, in whole numbers.
            if len(codes) * (otherwise & own).sum() > own.sum() * (otherwise & ~own).sum():
                after[i, j] = -bit
    return after


def naive_residual(members: np.ndarray, codes: np.ndarray, bits: int) -> np.ndarray:
    """KSH's k S minus the outer products of the bits so far, (N, N)."""
    labels = np.where(members[:, None] == members, 1, -1)
    return bits * labels - sum((np.outer(bit, bit) for bit in codes.T), np.zeros(labels.shape))


def naive_sdh_objective(
    labels: np.ndarray, codes: np.ndarray, classifier: np.ndarray, predicted: np.ndarray, nu: float
) -> float:
    """SDH's |Y - B W|^2 + |W|^2 + nu |B - F(X)|^2, image by image; lambda is 1."""
    total = (classifier**2).sum()
    for label, code, guess in zip(labels, codes, predicted, strict=True):
        total += ((label - classifier.T @ code) ** 2).sum() + nu * ((code - guess) ** 2).sum()
    return float(total)
