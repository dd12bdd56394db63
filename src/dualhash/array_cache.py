"""Arrays on disk that are computed once and then read through a memory map."""

import errno
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dualhash.errors import DualhashError

KEY_LENGTH = 32
"""Hexadecimal digits in the names of complete arrays."""

UNFINISHED = ".unfinished"

DAY = 86_400.0
UNUSED_SECONDS = 30 * DAY
"""Arrays that were not used for this long are removed when the next array is computed."""

Report = Callable[[int, int], None]
"""Called with the numbers of rows that are complete and of all rows."""


def cache_folder() -> Path:
    """Returns `$DUALHASH_CACHE`, or the cache folder of the user on this system."""
    if chosen := os.environ.get("DUALHASH_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dualhash"
    local = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return Path(local or Path.home() / ".cache") / "dualhash"


def cached_array(
    path: Path, dtype: DTypeLike, shape: tuple[int, ...], fill: Callable[[NDArray[Any]], None]
) -> NDArray[Any]:
    """Returns the array at `path` as a read-only memory map; computes it if it does not exist.

    The file gets its name when it is complete, so a process that is killed leaves no damaged
    array. Old arrays in the folder are removed before a new one is computed.

    Args:
        path: File named by a hash of `KEY_LENGTH` digits and `.npy`; its folder is created.
        dtype: Of the array.
        shape: Of the array.
        fill: Writes all values into the array.

    Raises:
        DualhashError: The folder cannot be written, or the disk is full.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _create(path, dtype, shape, fill)
        array: NDArray[Any] = np.load(path, mmap_mode="r")
        with suppress(OSError):  # a read-only cache works too
            path.touch()
    except OSError as error:
        raise DualhashError(
            f"The cache in {path.parent} cannot be written: {error.strerror or error}. Choose "
            "another folder with the environment variable DUALHASH_CACHE."
        ) from error
    return array


def _create(
    path: Path, dtype: DTypeLike, shape: tuple[int, ...], fill: Callable[[NDArray[Any]], None]
) -> None:
    _remove_old(path.parent)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > shutil.disk_usage(path.parent).free:
        # Checked first, because a process is killed if its memory-mapped file finds a full disk.
        raise OSError(errno.ENOSPC, f"{size / 1e9:,.1f} GB are more than is free there")
    with NamedTemporaryFile(dir=path.parent, suffix=UNFINISHED, delete=False) as file:
        unfinished = Path(file.name)
    array = np.lib.format.open_memmap(unfinished, mode="w+", dtype=dtype, shape=shape)
    fill(array)
    array.flush()
    unfinished.replace(path)


def _remove_old(folder: Path) -> None:
    """Removes files of killed processes after a day, and arrays that are no longer used."""
    now = time.time()
    arrays = f"{'[0-9a-f]' * KEY_LENGTH}.npy"
    for pattern, seconds in ((f"*{UNFINISHED}", DAY), (arrays, UNUSED_SECONDS)):
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):  # another process removes it too
                if now - path.stat().st_mtime > seconds:
                    path.unlink()
                    path.with_suffix(".json").unlink()
