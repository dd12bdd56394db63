"""Compilation of kernels to machine code, cached on disk.

Every compiled function of the package uses `compiled`, never `numba.njit` itself. A kernel calls
compiled functions of its own folder only.
"""

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core.caching import FunctionCache

_CONFIG: Any = numba.config

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compiles a kernel at its first call; it runs without the interpreter's lock.

    Numba recompiles a function if its own file changed, but not if a file that it calls into did.
    So the cache folder is named after the text of all files beside the kernel.
    """
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(function)
    folder = kernel_cache_folder(Path(function.__code__.co_filename).parent)
    if folder is None:
        _warn("no folder is writable")
    else:
        configured = _CONFIG.CACHE_DIR
        _CONFIG.CACHE_DIR = str(folder)
        try:
            dispatcher._cache = _KernelCache(function)  # what cache=True sets
        finally:
            _CONFIG.CACHE_DIR = configured
    kernel: Callable[Arguments, Result] = dispatcher
    return kernel


class _KernelCache(FunctionCache):
    """A cache that is skipped if it cannot be written, such as on a full disk."""

    def save_overload(self, signature: Any, data: Any) -> None:
        try:
            super().save_overload(signature, data)
        except OSError as error:
            _warn(f"{self.cache_path} cannot be written: {error.strerror or error}")


@cache
def _warn(reason: str) -> None:
    warnings.warn(
        f"Compiled code is not cached, so each start takes a minute longer: {reason}. Free some "
        "space, or set NUMBA_CACHE_DIR to a writable folder.",
        RuntimeWarning,
        stacklevel=2,
    )


@cache
def kernel_cache_folder(sources: Path) -> Path | None:
    """The first writable place for the machine code of one folder of kernels, or None."""
    files = [Path(__file__), *sorted(sources.glob("*.py"))]
    text = b"".join(file.read_bytes() for file in files)
    name = f"dualhash-{hashlib.sha256(text).hexdigest()[:16]}"
    return next((base / name for base in _places(sources) if _is_writable(base / name)), None)


def _places(sources: Path) -> Iterator[Path]:
    if _CONFIG.CACHE_DIR:
        yield Path(_CONFIG.CACHE_DIR)
    yield sources / "__pycache__"
    for variable, below in (("XDG_CACHE_HOME", "."), ("HOME", ".cache"), ("LOCALAPPDATA", ".")):
        if os.environ.get(variable):
            yield Path(os.environ[variable]) / below
    yield Path(tempfile.gettempdir())


def _is_writable(folder: Path) -> bool:
    """Whether the folder exists or can be made, and only its owner can write: code is run."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        status = folder.stat()
    except OSError:
        return False
    return os.name == "nt" or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
