"""Features of many images as one memory-mapped array on disk, computed once and kept."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dualhash.array_cache import CachedArray, Chunk, Report, cached_array
from dualhash.catalogue.images import Preprocessing, centre_crop
from dualhash.codes.encoder import Failure, decoded_batches
from dualhash.features.extractor import Extractor
from dualhash.files import files_hash


def extract_features(
    extractor: Extractor,
    paths: Sequence[Path],
    folder: Path,
    report: Report = lambda done, total: None,
    *,
    mirror: bool = False,
) -> CachedArray:
    """Returns features of image files, computed now or by an earlier call.

    The array is named by a hash of the extractor and of each image's path, size and time of change.
    Images are decoded in threads while the network works on earlier ones.

    Args:
        extractor: The network.
        paths: N image files.
        folder: Where arrays are kept; created if it does not exist.
        report: Called with how many images are done and how many there are.
        mirror: Compute the features of the mirror images too.

    Returns:
        float16 (N, d), or (N, 2, d) with those of the mirror images second; and why an
        image could not be read.

    Raises:
        DualhashError: The folder cannot be written, or its disk is full.
    """

    def extract(first: int) -> Iterator[Chunk]:
        for pixels, failed in decoded_rows(paths, extractor.preprocessing, first):
            images = centre_crop(pixels, extractor.preprocessing.crop)
            features = extractor.extract(images)
            if mirror:
                features = np.stack([features, extractor.extract(images[:, :, ::-1])], axis=1)
            yield features, failed

    kind = f"{extractor.hash} with mirror images" if mirror else extractor.hash
    shape = (len(paths), 2, extractor.size) if mirror else (len(paths), extractor.size)
    file = folder / f"{files_hash(kind, paths)}.npy"
    return cached_array(file, np.float16, shape, extract, report)


def decoded_rows(
    paths: Sequence[Path], preprocessing: Preprocessing, first: int = 0
) -> Iterator[Chunk]:
    """Yields images from `first` on at the size `preprocessing.resize`, uint8 (n, H, W, 3).

    Images that cannot be read are zeros. The next batch is decoded in the background.
    """
    for rows, images in decoded_batches(paths[first:], preprocessing):
        pixels = np.zeros((len(rows), *preprocessing.resize, 3), np.uint8)
        failed = {}
        for place, image in enumerate(images):
            if isinstance(image, Failure):
                failed[first + rows.start + place] = image.reason
            else:
                pixels[place] = image
        yield pixels, failed
