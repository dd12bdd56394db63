"""Every crop and mirror of an image, by padding and slicing."""

from collections.abc import Iterator

import numpy as np


def all_views(image: np.ndarray, crop: tuple[int, int], padding: int) -> Iterator[np.ndarray]:
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)), mode="edge")
    for top in range(padded.shape[0] - crop[0] + 1):
        for left in range(padded.shape[1] - crop[1] + 1):
            view = padded[top : top + crop[0], left : left + crop[1]]
            yield view
            yield view[:, ::-1]
