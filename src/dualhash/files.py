"""Files that are there whole or not at all, and files that may not be looked at."""

import os
from collections.abc import Sequence
from pathlib import Path

from dualhash.errors import DualhashError


def is_there(path: Path) -> bool:
    """Whether there is something at a path.

    Raises:
        DualhashError: It is in a folder that may not be looked into, so that nobody can tell.
    """
    try:
        path.stat()
    except PermissionError as error:
        raise DualhashError(not_readable(path)) from error
    except (OSError, ValueError):
        return False
    return True


def existing_files(files: Sequence[str]) -> list[bool]:
    """Which of N paths are files. Each folder is listed once, which is fast for many paths."""
    names: dict[str, set[str]] = {}
    for folder in {os.path.dirname(file) for file in files}:  # noqa: PTH120 - plain text is faster
        try:
            with os.scandir(folder or ".") as entries:
                names[folder] = {entry.name for entry in entries if entry.is_file()}
        except OSError:
            names[folder] = set()

    def exists(file: str) -> bool:
        folder, name = os.path.split(file)
        # A file system that ignores case finds names that are not listed as they are written.
        return name in names[folder] or os.path.isfile(file)  # noqa: PTH113

    return [exists(file) for file in files]


def may(path: Path, mode: int) -> bool:
    """Whether this user may use what is there as `os.R_OK` or `os.W_OK` says."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def not_readable(path: Path | str) -> str:
    """What to say where permissions keep a file or folder from being read."""
    return (
        f"{path} cannot be read: permission denied. Let this user read it and enter the folders "
        "that it is in, or name another."
    )


def cannot_write(path: Path, error: OSError) -> str:
    """What to say where a file or folder could not be written."""
    if isinstance(error, PermissionError):
        return not_writable(path)
    return f"{path} cannot be written: {error.strerror or error}."


def not_writable(path: Path | str) -> str:
    """What to say where permissions keep a file or folder from being written."""
    return (
        f"{path} cannot be written: permission denied. Let this user write to it and to its "
        "folder, or name a place where that is so."
    )


def write_whole(path: Path, content: str | bytes) -> None:
    """Replaces the file at `path` in one step, so that it is never seen half written.

    Args:
        path: In a folder that exists.
        content: Of the file; text is written as UTF-8.

    Raises:
        OSError: The folder cannot be written; what was at `path` is still there.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
