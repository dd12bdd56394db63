"""Features of many images as one memory-mapped array on disk, computed once and kept.

The array is named by a hash of the extractor and of each image's path, size and time of change.
While it grows, a progress file says how many rows are on disk, so that an extraction that was
killed continues where it stopped.
"""

import errno
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Failure, Progress, decoded_batches
from dualhash.errors import DualhashError
from dualhash.features.extractor import Extractor
from dualhash.files import files_hash, write_whole

FLUSH_SECONDS = 5.0
"""Time between two writes of the progress file: at most this much work is lost."""


@dataclass(frozen=True, eq=False)
class FeatureArray:
    """Features of N images.

    Attributes:
        values: (N, d) float16, memory-mapped and read-only; zeros where an image failed.
        failed: Why an image could not be read, by row.
    """

    values: NDArray[np.float16]
    failed: dict[int, str]


def extract_features(
    extractor: Extractor,
    paths: Sequence[Path],
    folder: Path,
    progress: Progress = lambda done, total: None,
) -> FeatureArray:
    """Features of image files, computed now or by an earlier call.

    Images are decoded in threads while the network works on earlier ones.

    Args:
        extractor: The network.
        paths: N image files.
        folder: Where arrays are kept; created if it does not exist.
        progress: Called with how many images are done and how many there are.

    Raises:
        DualhashError: The folder cannot be written, or its disk is full.
    """
    array = folder / f"{files_hash(extractor.hash, paths)}.npy"
    record = array.with_suffix(".json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not array.exists():
            _extract(extractor, paths, array, record, progress)
        failed = json.loads(record.read_text(encoding="utf-8"))["failed"]
        array.touch()
        return FeatureArray(
            np.load(array, mmap_mode="r"), {int(row): reason for row, reason in failed.items()}
        )
    except OSError as error:
        raise DualhashError(
            f"Features cannot be kept in {folder}: {error.strerror or error}. Choose another "
            "folder with the environment variable DUALHASH_CACHE."
        ) from error


def _extract(
    extractor: Extractor, paths: Sequence[Path], target: Path, record: Path, progress: Progress
) -> None:
    unfinished = target.with_suffix(".unfinished.npy")
    done, failed = _finished_rows(unfinished, record)
    size = 2 * (len(paths) - done) * extractor.size
    if not done and size > shutil.disk_usage(target.parent).free:
        # Checked first: the system kills a process whose mapped file finds no room.
        raise OSError(errno.ENOSPC, f"{size / 1e9:,.1f} GB are more than is free")
    values = np.lib.format.open_memmap(
        unfinished, "r+" if done else "w+", np.float16, (len(paths), extractor.size)
    )
    saved = time.monotonic()
    for rows, images in decoded_batches(paths[done:], extractor.preprocessing):
        readable: dict[int, NDArray[np.uint8]] = {}
        for row, image in zip(rows, images, strict=True):
            if isinstance(image, Failure):
                failed[done + row] = image.reason
            else:
                readable[done + row] = image
        if readable:
            values[list(readable)] = extractor.extract(np.stack(list(readable.values())))
        last = done + rows.stop == len(paths)
        if last or time.monotonic() - saved > FLUSH_SECONDS:
            values.flush()
            write_whole(record, json.dumps({"rows": done + rows.stop, "failed": failed}))
            saved = time.monotonic()
        progress(done + rows.stop, len(paths))
    unfinished.replace(target)


def _finished_rows(unfinished: Path, record: Path) -> tuple[int, dict[int, str]]:
    """How many leading rows an interrupted extraction has finished, and which of them failed."""
    if not (unfinished.exists() and record.exists()):
        return 0, {}
    known = json.loads(record.read_text(encoding="utf-8"))
    return known["rows"], {int(row): reason for row, reason in known["failed"].items()}
