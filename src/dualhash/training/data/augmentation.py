"""Random crops and mirror images of a batch."""

import numpy as np
from numpy.typing import NDArray


def augment(
    images: NDArray[np.uint8],
    crop: tuple[int, int],
    generator: np.random.Generator,
    *,
    mirror: bool = True,
    random_crop: bool = True,
    padding: int = 0,
) -> NDArray[np.uint8]:
    """Crops and mirrors each image independently.

    Args:
        images: (n, H, W, 3).
        crop: Height h <= H and width w <= W of the result.
        generator: Draws offsets and mirrors.
        mirror: Mirror each image left to right with probability 0.5.
        random_crop: Draw offsets uniformly; otherwise take the central crop.
        padding: Pixels by which a random crop may extend beyond each side; border pixels repeat.

    Returns:
        (n, h, w, 3).
    """
    n, height, width, _ = images.shape
    rows = _indices(n, height, crop[0], generator, padding, random=random_crop)
    columns = _indices(n, width, crop[1], generator, padding, random=random_crop)
    if mirror:
        mirrored = generator.random(n) < 0.5
        columns[mirrored] = columns[mirrored, ::-1]
    return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _indices(
    n: int, size: int, crop: int, generator: np.random.Generator, padding: int, *, random: bool
) -> NDArray[np.int64]:
    """Returns the indices of each crop along an axis of `size` pixels, (n, crop)."""
    spare = size - crop
    first = (
        generator.integers(-padding, spare + padding, size=n, endpoint=True)
        if random
        else np.full(n, spare // 2)
    )
    indices: NDArray[np.int64] = np.clip(first[:, None] + np.arange(crop), 0, size - 1)
    return indices
