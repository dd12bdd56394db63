"""Compilation of the kernels to machine code, once, kept on disk."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba

SOURCES = Path(__file__).parent

_CONFIG: Any = numba.config

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def compiled(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Compiles a kernel at its first call; it runs without the interpreter's lock.

    Numba notices a changed file, but not a changed file that it calls into, so the machine code is
    kept in a folder named after the text of all kernels.
    """
    kept = _CONFIG.CACHE_DIR
    folder = _cache_folder()
    _CONFIG.CACHE_DIR = str(folder or "")
    try:
        compile_it = numba.njit(nogil=True, cache=folder is not None, error_model="numpy")
        made: Callable[Arguments, Result] = compile_it(function)
    finally:
        _CONFIG.CACHE_DIR = kept
    return made


@cache
def _cache_folder() -> Path | None:
    """The first place that can be written to; None where there is none."""
    text = b"".join(file.read_bytes() for file in sorted(SOURCES.glob("*.py")))
    name = f"dualhash-{hashlib.sha256(text).hexdigest()[:16]}"
    return next((base / name for base in _places() if _is_writable(base / name)), None)


def _places() -> Iterator[Path]:
    if _CONFIG.CACHE_DIR:
        yield Path(_CONFIG.CACHE_DIR)
    yield SOURCES / "__pycache__"
    for variable, below in (("XDG_CACHE_HOME", "."), ("HOME", ".cache"), ("LOCALAPPDATA", ".")):
        if os.environ.get(variable):
            yield Path(os.environ[variable]) / below
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
