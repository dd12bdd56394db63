"""Images decoded once into a memory-mapped array that later trainings reuse."""

import errno
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dualhash.catalogue.images import ImageError, Preprocessing, load_image
from dualhash.errors import DualhashError
from dualhash.files import write_whole

FORMAT = 1
CHUNK = 512
"""Images decoded between two reports of progress."""

KEY_LENGTH = 32
"""Hexadecimal digits in the names of finished arrays."""

UNFINISHED = ".unfinished"

DAY = 86_400.0
KEPT = 30 * DAY
"""What was not used for so many seconds is removed when the next array is made."""

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class CachedImages:
    """Images ready for training.

    Attributes:
        pixels: (N, H, W, 3) uint8, read from disk when used; zeros where the image failed.
        failed: For each image that could not be read, its row and why, in plain words.
        key: Names them by what they were made from.
    """

    pixels: NDArray[np.uint8]
    failed: dict[int, str]
    key: str


def default_folder() -> Path:
    """`$DUALHASH_CACHE`, or the user's cache folder as the system has it."""
    if chosen := os.environ.get("DUALHASH_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dualhash"
    local = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return Path(local or Path.home() / ".cache") / "dualhash"


def cached_images(
    paths: Sequence[Path],
    preprocessing: Preprocessing,
    folder: Path,
    report: Report = lambda done, total: None,
) -> CachedImages:
    """The images at `preprocessing.resize`, decoded now or by an earlier call.

    The files are named by a hash of what they were made from: paths, sizes and times of change of
    the images, and the size they were brought to. They get their names when they are complete,
    so that a call that was killed leaves nothing that could be taken for a cache.

    Args:
        paths: N image files. Those that cannot be read are listed in the result.
        preprocessing: Its `resize` is applied, its `crop` is not.
        folder: Where caches are kept; made if it does not exist.
        report: Called with how many images are decoded and how many there are.

    Raises:
        DualhashError: The folder cannot be written, or there is no room.
    """
    key = _key(paths, preprocessing)
    pixels, failures = folder / f"{key}.npy", folder / f"{key}.json"
    try:
        if not (pixels.exists() and failures.exists()):
            folder.mkdir(parents=True, exist_ok=True)
            failed = _decode(paths, preprocessing, pixels, report)
            write_whole(failures, json.dumps(failed))
        rows = json.loads(failures.read_text(encoding="utf-8"))
        array = opened(pixels)
    except OSError as error:
        raise no_cache("The decoded images", folder, error) from error
    return CachedImages(array, {int(row): reason for row, reason in rows.items()}, key)


def no_cache(what: str, folder: Path, error: OSError) -> DualhashError:
    """What to tell a user whose cache cannot be written."""
    return DualhashError(
        f"{what} cannot be kept in {folder}: {error.strerror or error}. Choose another folder with "
        "the environment variable DUALHASH_CACHE."
    )


def opened(path: Path) -> NDArray[Any]:
    """A finished array, read from disk when used, and noted as used now."""
    array: NDArray[Any] = np.load(path, mmap_mode="r")
    with suppress(OSError):  # a cache that can only be read serves as well
        path.touch()
    return array


@contextmanager
def new_array(target: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    """An array to be filled, on disk; it gets its name when that is done.

    Raises:
        OSError: There is no room for it, or the folder cannot be written.
    """
    _remove_old(target.parent)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > shutil.disk_usage(target.parent).free:
        # Checked before: a process whose mapped file finds no room on the way is killed.
        raise OSError(errno.ENOSPC, f"{size / 1e9:,.1f} GB are more than is free there")
    with NamedTemporaryFile(dir=target.parent, suffix=UNFINISHED, delete=False) as file:
        unfinished = Path(file.name)
    array = np.lib.format.open_memmap(unfinished, mode="w+", dtype=dtype, shape=shape)
    yield array
    array.flush()
    unfinished.replace(target)


def _key(paths: Sequence[Path], preprocessing: Preprocessing) -> str:
    digest = sha256(f"{FORMAT} {preprocessing.resize}".encode())
    for path in paths:
        try:
            state = path.stat()
            change = f"{state.st_size} {state.st_mtime_ns}"
        except OSError:
            change = "missing"
        digest.update(f"\0{path.absolute()}\0{change}".encode())
    return digest.hexdigest()[:KEY_LENGTH]


def _decode(
    paths: Sequence[Path], preprocessing: Preprocessing, target: Path, report: Report
) -> dict[int, str]:
    """Decodes all images into `target`; returns why each that failed did."""
    failed: dict[int, str] = {}

    with (
        new_array(target, np.uint8, (len(paths), *preprocessing.resize, 3)) as pixels,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):

        def one(row: int) -> None:
            try:
                pixels[row] = load_image(paths[row], preprocessing)
            except ImageError as error:
                failed[row] = str(error)

        for start in range(0, len(paths), CHUNK):
            stop = min(start + CHUNK, len(paths))
            list(pool.map(one, range(start, stop)))
            report(stop, len(paths))
    return dict(sorted(failed.items()))


def _remove_old(folder: Path) -> None:
    """Removes what killed processes began more than a day ago, and what is no longer used."""
    now = time.time()
    arrays = f"{'[0-9a-f]' * KEY_LENGTH}.npy"
    for pattern, kept in ((f"*{UNFINISHED}", DAY), (arrays, KEPT)):
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):  # another process removes it, too
                if now - path.stat().st_mtime > kept:
                    path.unlink()
                    path.with_suffix(".json").unlink()
