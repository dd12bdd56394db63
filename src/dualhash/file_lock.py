"""A lock file that one process at a time can hold."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POSIX = os.name == "posix"
"""Other systems have no such locks; there, every process gets the lock."""


@contextmanager
def only_one(lock: Path, *, wait: bool = False) -> Iterator[bool]:
    """Yields whether this process holds the lock. The lock file is removed afterwards.

    The system releases the lock if the process is killed. The file then stays, without effect.

    Args:
        lock: The lock file.
        wait: Wait until no other process holds it.

    Raises:
        OSError: The file cannot be created.
    """
    descriptor = _lock(lock, wait) if POSIX else None
    try:
        yield descriptor is not None or not POSIX
    finally:
        if descriptor is not None:
            lock.unlink(missing_ok=True)
            os.close(descriptor)


def _lock(lock: Path, wait: bool) -> int | None:
    """Returns the descriptor of the locked file; None if another process holds the lock."""
    import fcntl

    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.exists() and os.path.samestat(os.fstat(file), lock.stat()):
                return file
        except BlockingIOError:
            os.close(file)
            return None
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # the previous holder removed the file before it was locked here
