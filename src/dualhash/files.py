"""Writes files in one step, and reports missing permissions."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from dualhash.errors import DualhashError


def is_there(path: Path) -> bool:
    """Whether a path exists.

    Raises:
        DualhashError: It is in a folder that this user may not read.
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
    """Whether this user has access to a path; `mode` is `os.R_OK` or `os.W_OK`."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def not_readable(path: Path | str) -> str:
    """Returns the message for a file or folder that this user may not read."""
    return (
        f"{path} cannot be read: permission denied. Let this user read it and enter its folders, "
        "or choose another."
    )


def cannot_write(path: Path, error: OSError) -> str:
    """Returns the message for a file or folder that could not be written."""
    if isinstance(error, PermissionError):
        return not_writable(path)
    return f"{path} cannot be written: {error.strerror or error}."


def not_writable(path: Path | str) -> str:
    """Returns the message for a file or folder that this user may not write."""
    return (
        f"{path} cannot be written: permission denied. Let this user write to it and to its "
        "folder, or choose another."
    )


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Creates a folder and its parents if they do not exist.

    If the block fails, a folder that was created is removed with its content, and so are parents
    that were created and are empty.

    Raises:
        DualhashError: The folder cannot be created.
    """
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DualhashError(cannot_write(folder, error)) from error
    try:
        yield
    except BaseException:
        if created:
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            for parent in created[1:]:
                parent.rmdir()
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file in one step, so that readers see the old or the new content.

    Args:
        path: The file; its folder is created if it does not exist.
        content: Its content; text is written as UTF-8.

    Raises:
        DualhashError: The file cannot be written; an existing one is unchanged.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_through(unfinished, content.encode() if isinstance(content, str) else content)
        unfinished.replace(path)
    except OSError as error:
        raise DualhashError(cannot_write(path, error)) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()


def write_through(path: Path, content: bytes) -> None:
    """Writes a file, and waits until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def fingerprint(path: Path) -> tuple[int, ...] | None:
    """Returns device, inode, size, mtime and ctime (ns) of a file; None if there is no file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def files_hash(prefix: str, paths: Sequence[Path]) -> str:
    """Returns a hash of a text and of the paths, sizes and modification times of files.

    Args:
        prefix: Whatever else the hash must depend on.
        paths: Files; those that do not exist count too.

    Returns:
        32 hexadecimal digits.
    """
    digest = sha256(prefix.encode())
    for path in paths:
        try:
            status = path.stat()
            version = f"{status.st_size} {status.st_mtime_ns}"
        except (OSError, ValueError):
            version = "missing"
        digest.update(f"\0{path.absolute()}\0{version}".encode())
    return digest.hexdigest()[:32]
