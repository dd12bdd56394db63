"""Arrays on disk that are computed once, row by row, and then read through a memory map.

While an array grows, a record says how many rows are on disk, so that a computation that was killed
continues where it stopped.
"""

import errno
import json
import math
import mmap
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dualhash.errors import DualhashError
from dualhash.file_lock import only_one
from dualhash.files import write_whole

KEY_LENGTH = 32
"""Hexadecimal digits in the names of arrays."""

UNFINISHED = ".unfinished.npy"

UNUSED_SECONDS = 30 * 86_400.0
"""Arrays that were not used for this long are removed when the next array is computed."""

FLUSH_SECONDS = 5.0
"""Time between two records of progress: at most this much work is lost."""

Report = Callable[[int, int], None]
"""Called with the numbers of rows that are complete and of all rows."""

Chunk = tuple[NDArray[Any], Mapping[int, str]]
"""The next rows of an array, and why a row could not be computed, by its number."""


@dataclass(frozen=True, eq=False)
class CachedArray:
    """An array of N rows.

    Attributes:
        values: A read-only memory map; zeros in rows that could not be computed.
        failed: The reason, by row, for each row that could not be computed.
    """

    values: NDArray[Any]
    failed: dict[int, str]


def cache_folder() -> Path:
    """Returns `$DUALHASH_CACHE`, or the cache folder of the user on this system."""
    if chosen := os.environ.get("DUALHASH_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dualhash"
    local = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return Path(local or Path.home() / ".cache") / "dualhash"


def cached_array(
    path: Path,
    dtype: DTypeLike,
    shape: tuple[int, ...],
    compute: Callable[[int], Iterable[Chunk]],
    report: Report = lambda done, total: None,
) -> CachedArray:
    """Returns the array at `path`; computes it if it does not exist.

    The file gets its name when it is complete. Processes that need the same array wait for the one
    that computes it. Arrays in the folder that are no longer used are removed before.

    Args:
        path: File named by a hash of `KEY_LENGTH` digits and `.npy`; its folder is created.
        dtype: Of the array.
        shape: Of the array.
        compute: Yields the rows from a given one on, in chunks.
        report: Called after each chunk.

    Raises:
        DualhashError: The folder cannot be written, or the disk is full.
    """
    try:
        record = path.with_suffix(".json")
        if not (path.exists() and record.exists()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with only_one(path.with_suffix(".lock"), wait=True):
                if not (path.exists() and record.exists()):
                    _compute(path, dtype, shape, compute, report)
        values: NDArray[Any] = np.load(path, mmap_mode="r")
        with suppress(OSError):  # a read-only cache works too
            path.touch()
        return CachedArray(values, _read(record)[1])
    except OSError as error:
        raise DualhashError(
            f"The cache in {path.parent} cannot be written: {error.strerror or error}. Choose "
            "another folder with the environment variable DUALHASH_CACHE."
        ) from error


def _compute(
    path: Path,
    dtype: DTypeLike,
    shape: tuple[int, ...],
    compute: Callable[[int], Iterable[Chunk]],
    report: Report,
) -> None:
    _remove_unused(path.parent)
    record = path.with_suffix(".json")
    unfinished = path.with_suffix(UNFINISHED)
    done, failed = _read(record) if unfinished.exists() and record.exists() else (0, {})
    size = (shape[0] - done) * math.prod(shape[1:]) * np.dtype(dtype).itemsize
    if size > shutil.disk_usage(path.parent).free:
        # Checked first, because a process is killed if its memory-mapped file finds a full disk.
        raise OSError(errno.ENOSPC, f"{size / 1e9:,.1f} GB are more than is free there")
    mode = "r+" if done else "w+"
    values = np.lib.format.open_memmap(unfinished, mode=mode, dtype=dtype, shape=shape)

    def save() -> None:
        values.flush()
        release(values)
        write_whole(record, json.dumps({"rows": done, "failed": failed}))

    saved = time.monotonic()
    for rows, reasons in compute(done):
        values[done : done + len(rows)] = rows
        values[list(reasons)] = 0
        failed |= reasons
        done += len(rows)
        if time.monotonic() - saved > FLUSH_SECONDS:
            save()
            saved = time.monotonic()
        report(done, len(values))
    save()
    unfinished.replace(path)


def release(values: NDArray[Any]) -> None:
    """Gives back the memory of a map that is read or written from end to end; the file stays."""
    if isinstance(values, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):
        values._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def _read(record: Path) -> tuple[int, dict[int, str]]:
    """Returns how many rows are on disk, and which of them failed and why."""
    known = json.loads(record.read_text(encoding="utf-8"))
    return known["rows"], {int(row): reason for row, reason in known["failed"].items()}


def _remove_unused(folder: Path) -> None:
    """Removes arrays and graphs of extractors that were not used for a long time."""
    key = "[0-9a-f]" * KEY_LENGTH
    for pattern in (f"{key}.npy", f"{key}{UNFINISHED}", f"extractor-{key}.onnx"):
        for path in folder.glob(pattern):
            with suppress(FileNotFoundError):  # another process removes it too
                if time.time() - path.stat().st_mtime > UNUSED_SECONDS:
                    path.unlink()
                    (folder / f"{path.name[:KEY_LENGTH]}.json").unlink()
