"""Several crops of one image, whose outputs are averaged before they become bits."""

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.images import Preprocessing, centre_crop
from dualhash.errors import DualhashError

VIEWS = (1, 10)
"""The numbers of views there are: the centre, or corners, centre and their mirrors."""


def check_views(count: int) -> None:
    """Refuses numbers of views that are not in `VIEWS`."""
    if count not in VIEWS:
        raise DualhashError(
            f"There are {VIEWS[0]} view (the centre) or {VIEWS[1]} (four corners, the centre and "
            f"their mirrors), not {count}."
        )


def with_room(preprocessing: Preprocessing, count: int) -> Preprocessing:
    """The preprocessing that leaves corners to take.

    Where images are not resized larger than the crop, ten views resize them an eighth larger.
    """
    if count == 1 or preprocessing.resize != preprocessing.crop:
        return preprocessing
    height, width = preprocessing.crop
    enlarged = (height + height // 8, width + width // 8)
    return preprocessing.model_copy(update={"resize": enlarged})


def take_views(
    images: NDArray[np.uint8], crop: tuple[int, int], count: int
) -> list[NDArray[np.uint8]]:
    """Crops images (N, H, W, 3) into `count` views (N, h, w, 3) each.

    Ten views are the four corners, the centre and the mirror of each, as on ImageNet-150K in the
    paper.

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
