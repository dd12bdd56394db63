"""How often nearly identical images have different labels: what no method can predict."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import Catalogue
from dualhash.evaluation.evaluation_result import Measurements

DISTANCES = (0.005, 0.01, 0.02, 0.05)
"""Cosine distances up to which two images count as nearly identical."""

ROWS_AT_ONCE = 1024


def nearest(
    features: NDArray[np.float32], report: Callable[[float], None] = lambda _: None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the nearest other image of each of N images, and its cosine distance, both (N,).

    Args:
        features: (N, d), of length 1; N is at least 2.
        report: Called with the share done, in [0, 1].
    """
    rows = np.empty(len(features), np.int64)
    distances = np.empty(len(features))
    for start in range(0, len(features), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        similarities = features[block] @ features.T
        here = np.arange(len(similarities))
        similarities[here, start + here] = -np.inf
        rows[block] = similarities.argmax(axis=1)
        distances[block] = 1 - similarities[here, rows[block]]
        report(min(1.0, (start + ROWS_AT_ONCE) / len(features)))
    return rows, distances


def label_noise(
    catalogue: Catalogue, neighbours: NDArray[np.int64], distances: NDArray[np.float64]
) -> Measurements:
    """Returns the number of nearly identical pairs, and the shares with different labels.

    A pair is an image and its nearest other image; two images that are nearest to each other are
    one pair. Figures are named `pairs_at_0.01`, `category_at_0.01` and likewise for each facet.

    Args:
        catalogue: N images.
        neighbours: (N,), as `nearest` returns.
        distances: (N,), likewise.
    """
    rows = np.arange(len(neighbours))
    pairs = np.sort(np.column_stack([rows, neighbours]), axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    labels: dict[str, NDArray[np.generic]] = {
        "category": np.where(catalogue.categories >= 0, catalogue.categories.astype(str), "")
    }
    for facet in catalogue.columns.facets:
        labels[facet] = catalogue.payload[facet].cast(str).fill_null("").to_numpy().astype(str)
    figures = {}
    for distance in DISTANCES:
        near = first[distances[first] <= distance]
        figures[f"pairs_at_{distance:g}"] = np.array([float(len(near))])
        for name, values in labels.items():
            ours, theirs = values[near], values[neighbours[near]]
            known = (ours != "") & (theirs != "")
            share = float((ours != theirs)[known].mean()) if known.any() else np.nan
            figures[f"{name}_at_{distance:g}"] = np.array([share])
    return Measurements(figures, {"pairs": len(first)})
