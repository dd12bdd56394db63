"""Compilation of the kernels to machine code, once, kept on disk."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba

SOURCES = Path(__file__).parent

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compiles a kernel at its first call; it runs without the interpreter's lock.

    Numba notices a changed file, but not a changed file that it calls into, so the machine code is
    kept in a folder named after the text of all kernels.
    """
    kept = numba.config.CACHE_DIR
    folder = _cache_folder()
    numba.config.CACHE_DIR = str(folder or "")
    try:
        compile_it = numba.njit(nogil=True, cache=folder is not None, error_model="numpy")
        made: Callable[Arguments, Result] = compile_it(function)
    finally:
        numba.config.CACHE_DIR = kept
    return made


def _cache_folder() -> Path | None:
    """The first place that can be written to; None where there is none."""
    text = b"".join(file.read_bytes() for file in sorted(SOURCES.glob("*.py")))
    name = f"dualhash-{hashlib.sha256(text).hexdigest()[:16]}"
    return next((base / name for base in _places() if _is_writable(base / name)), None)


def _places() -> Iterator[Path]:
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR)
    yield SOURCES / "__pycache__"
    yield Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    yield Path(tempfile.gettempdir())


def _is_writable(folder: Path) -> bool:
    """Whether it is there, or can be made, and only we write to it: code is loaded from it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        found = folder.stat()
    except OSError:
        return False
    return os.name == "nt" or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
