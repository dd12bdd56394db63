"""Images decoded once into an array on disk, which later trainings use again."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.array_cache import Report, cached_array
from dualhash.catalogue.images import ImageError, Preprocessing, load_image
from dualhash.files import files_hash, write_whole

FORMAT = 1
CHUNK = 512
"""Images decoded between two reports of progress."""


@dataclass(frozen=True)
class CachedImages:
    """Images ready for training.

    Attributes:
        pixels: (N, H, W, 3) uint8, a memory map; zeros for images that could not be read.
        failed: The reason, by row, for each image that could not be read.
        key: Hash of the files and the size.
    """

    pixels: NDArray[np.uint8]
    failed: dict[int, str]
    key: str


def cached_images(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    folder: Path,
    report: Report = lambda done, total: None,
) -> CachedImages:
    """Returns images at the size `preprocessing.resize`, decoded now or by an earlier call.

    The array is named by a hash of the paths, sizes and modification times of the images and of
    the size they are resized to.

    Args:
        paths: N image files. Those that cannot be read are listed in the result.
        preprocessing: Its `resize` is applied, its `crop` is not.
        folder: Folder of the cache.
        report: Called with the numbers of images decoded and of all images.

    Raises:
        DualhashError: The folder cannot be written, or the disk is full.
    """
    key = files_hash(f"{FORMAT} {preprocessing.resize}", paths)
    failures = folder / f"{key}.json"

    def decode(pixels: NDArray[np.uint8]) -> None:
        failed: dict[int, str] = {}

        def load(row: int) -> None:
            try:
                pixels[row] = load_image(paths[row], preprocessing)
            except ImageError as error:
                failed[row] = str(error)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(paths), CHUNK):
                stop = min(start + CHUNK, len(paths))
                list(pool.map(load, range(start, stop)))
                report(stop, len(paths))
        write_whole(failures, json.dumps(dict(sorted(failed.items()))))

    shape = (len(paths), *preprocessing.resize, 3)
    pixels = cached_array(folder / f"{key}.npy", np.uint8, shape, decode)
    failed = json.loads(failures.read_text(encoding="utf-8"))
    return CachedImages(pixels, {int(row): reason for row, reason in failed.items()}, key)
