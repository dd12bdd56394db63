import numpy as np
import pytest

from dualhash.catalogue.images import Preprocessing
from dualhash.codes.ten_crop import check_views, crop_views, enlarged_for_views
from dualhash.errors import DualhashError


def numbered(height: int, width: int) -> np.ndarray:
    """One image whose pixels are all different: (row, column, 0)."""
    image = np.zeros((1, height, width, 3), np.uint8)
    image[0, :, :, 0], image[0, :, :, 1] = np.indices((height, width))
    return image


def test_ten_views_are_corners_centre_and_mirror_images():
    views = crop_views(numbered(6, 8), (2, 4), 10)
    first_pixels = [view[0, 0, 0, :2].tolist() for view in views]
    assert first_pixels[:5] == [[0, 0], [0, 4], [4, 0], [4, 4], [2, 2]]
    assert first_pixels[5:] == [[0, 3], [0, 7], [4, 3], [4, 7], [2, 5]]
    assert {view.shape for view in views} == {(1, 2, 4, 3)}
    for view, mirror in zip(views[:5], views[5:], strict=True):
        np.testing.assert_array_equal(view, np.flip(mirror, axis=2))


def test_one_view_is_the_centre():
    (view,) = crop_views(numbered(6, 8), (2, 4), 1)
    assert view[0, 0, 0, :2].tolist() == [2, 2]


def test_corners_need_images_larger_than_the_crop():
    tight = Preprocessing(resize=(80, 64), crop=(80, 64))
    assert enlarged_for_views(tight, 10) == Preprocessing(resize=(90, 72), crop=(80, 64))
    assert enlarged_for_views(tight, 1) == tight
    roomy = Preprocessing(resize=(256, 256), crop=(224, 224))
    assert enlarged_for_views(roomy, 10) == roomy


def test_unsupported_numbers_of_views_are_refused():
    with pytest.raises(DualhashError, match=r"must be 1 .* or 10 .* not 5"):
        check_views(5)
