"""Features in place of pixels."""

import numpy as np

from dualhash.training.data.kept_features import KeptFeatures

VALUES = np.arange(8, dtype=np.float16).reshape(4, 2)
ROWS = np.array([3, 1])


def test_by_default_no_image_is_mirrored():
    kept = KeptFeatures(None, VALUES, -VALUES)
    assert kept.take(ROWS).tolist() == [[6, 7], [2, 3]]


def test_a_mirrored_row_keeps_its_place():
    kept = KeptFeatures(None, VALUES, -VALUES)
    assert kept.take(ROWS, np.array([False, True])).tolist() == [[6, 7], [-2, -3]]


def test_without_mirror_images_none_are_taken():
    kept = KeptFeatures(None, VALUES)
    assert kept.take(ROWS, np.array([True, True])).tolist() == [[6, 7], [2, 3]]
