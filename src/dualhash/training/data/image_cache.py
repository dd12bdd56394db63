"""Images decoded once into an array on disk, which later trainings use again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dualhash.array_cache import CachedArray, Report, cached_array
from dualhash.catalogue.images import Preprocessing
from dualhash.features.feature_array import decoded_rows
from dualhash.files import files_hash

FORMAT = 2


def cached_images(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    folder: Path,
    report: Report = lambda done, total: None,
) -> CachedArray:
    """Returns images at the size `preprocessing.resize`, decoded now or by an earlier call.

    The array is named by a hash of the paths, sizes and modification times of the images and of
    the size they are resized to.

    Args:
        paths: N image files. Those that cannot be read are listed in the result.
        preprocessing: Its `resize` is applied, its `crop` is not.
        folder: Folder of the cache.
        report: Called with the numbers of images decoded and of all images.

    Returns:
        uint8 (N, H, W, 3).

    Raises:
        DualhashError: The folder cannot be written, or the disk is full.
    """
    file = folder / f"{files_hash(f'images {FORMAT} {preprocessing.resize}', paths)}.npy"
    return cached_array(
        file,
        np.uint8,
        (len(paths), *preprocessing.resize, 3),
        lambda first: decoded_rows(paths, preprocessing, first),
        report,
    )
