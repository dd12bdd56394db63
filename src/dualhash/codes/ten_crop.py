"""Ten-crop encoding: the outputs of several crops of an image are averaged."""

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.images import Preprocessing, centre_crop
from dualhash.errors import DualhashError

VIEWS = (1, 10)
"""Supported numbers of views: the centre, or corners, centre and their mirror images."""


def check_views(count: int, vector_length: int | None = None) -> None:
    """Checks that a number of views is in `VIEWS`, and 1 for a model that takes vectors.

    Raises:
        DualhashError: It is not.
    """
    if vector_length and count != 1:
        raise DualhashError(
            "The model takes vectors, and a vector has one view: leave the number of views out."
        )
    if count not in VIEWS:
        raise DualhashError(
            f"The number of views must be {VIEWS[0]} (the centre) or {VIEWS[1]} (four corners, the "
            f"centre and their mirror images), not {count}."
        )


def enlarged_for_views(preprocessing: Preprocessing, count: int) -> Preprocessing:
    """Returns a preprocessing whose resized images are larger than the crop, if `count` is 10.

    If `preprocessing` resizes images to the size of the crop, they are resized an eighth larger.
    """
    if count == 1 or preprocessing.resize != preprocessing.crop:
        return preprocessing
    height, width = preprocessing.crop
    enlarged = (height + height // 8, width + width // 8)
    return preprocessing.model_copy(update={"resize": enlarged})


def crop_views(
    images: NDArray[np.uint8], crop: tuple[int, int], count: int
) -> list[NDArray[np.uint8]]:
    """Crops images (N, H, W, 3) into `count` views (N, h, w, 3) each.

    Ten views are the four corners, the centre and the mirror images of these, as in the paper on
    ImageNet-150K.

    Args:
        images: uint8, at least as large as the crop.
        crop: (h, w).
        count: One of `VIEWS`.
    """
    centre = centre_crop(images, crop)
    if count == 1:
        return [centre]
    height, width = crop
    down, right = images.shape[1] - height, images.shape[2] - width
    corners = [
        images[:, top : top + height, left : left + width]
        for top in (0, down)
        for left in (0, right)
    ]
    upright = [*corners, centre]
    return upright + [view[:, :, ::-1] for view in upright]
