from dataclasses import replace

import numpy as np
import polars as pl

from dualhash.catalogue.columns import Columns
from reproduction.beyond import near_duplicates
from reproduction.beyond.near_duplicates import label_noise, nearest
from tests.reproduction.small_grid import catalogue


def test_the_nearest_other_image_is_found_in_blocks(monkeypatch):
    monkeypatch.setattr(near_duplicates, "ROWS_AT_ONCE", 7)
    features = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    distances = 1 - features @ features.T + 9 * np.eye(20)
    shares: list[float] = []
    rows, found = nearest(features, shares.append)
    np.testing.assert_array_equal(rows, distances.argmin(axis=1))
    np.testing.assert_allclose(found, distances.min(axis=1), atol=1e-6)
    assert shares[-1] == 1


def test_label_noise_worked_by_hand():
    """Images 0 and 1 are one pair; 2 is near 3, whose colour is missing; 4 is far from all."""
    made = replace(
        catalogue(5, categories=3),
        categories=np.array([0, 1, 2, 2, 0]),
        payload=pl.DataFrame({"colour": ["red", "red", "blue", None, "blue"]}),
        columns=Columns(facets=("colour",)),
    )
    found = label_noise(made, np.array([1, 0, 3, 4, 0]), np.array([0.001, 0.001, 0.015, 0.04, 0.9]))
    values = {name: each[0] for name, each in found.figures.items()}
    assert found.counts == {"pairs": 4}
    assert values["pairs_at_0.005"] == 1
    assert values["category_at_0.005"] == 1.0
    assert values["colour_at_0.005"] == 0.0
    assert values["pairs_at_0.02"] == 2
    assert values["category_at_0.02"] == 0.5
    assert values["colour_at_0.02"] == 0.0
    assert values["pairs_at_0.05"] == 3
    assert values["category_at_0.05"] == 2 / 3
