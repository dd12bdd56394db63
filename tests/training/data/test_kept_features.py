"""Features in place of pixels."""

import numpy as np

from dualhash.training.data.kept_features import KeptFeatures

VALUES = np.arange(8, dtype=np.float16).reshape(4, 2)
ROWS = np.array([3, 1])


def test_without_a_generator_images_are_not_mirrored():
    kept = KeptFeatures(None, VALUES, -VALUES)
    assert kept.take(ROWS).tolist() == [[6, 7], [2, 3]]


def test_about_half_of_the_images_are_mirrored():
    kept = KeptFeatures(None, np.ones((1, 1), np.float16), np.zeros((1, 1), np.float16))
    taken = kept.take(np.zeros(10_000, np.int64), np.random.default_rng(0))
    assert 4_700 < taken.sum() < 5_300


def test_a_mirrored_row_keeps_its_place():
    kept = KeptFeatures(None, VALUES, -VALUES)
    for seed in range(20):
        taken = kept.take(ROWS, np.random.default_rng(seed)).abs()
        assert taken.tolist() == [[6, 7], [2, 3]]


def test_without_mirror_images_a_generator_changes_nothing():
    kept = KeptFeatures(None, VALUES)
    assert kept.take(ROWS, np.random.default_rng(0)).tolist() == [[6, 7], [2, 3]]
