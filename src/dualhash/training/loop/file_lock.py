"""One program at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POSIX = os.name == "posix"
"""Other systems have no such locks, and nothing is kept out there."""


@contextmanager
def only_one(lock: Path) -> Iterator[bool]:
    """Whether nobody else is in such a block of the same file, which exists as long as one is.

    The system gives the lock up however its holder ends; the file is then left, and means nothing.

    Raises:
        OSError: The file cannot be made.
    """
    held = _locked(lock) if POSIX else None
    try:
        yield held is not None or not POSIX
    finally:
        if held is not None:
            lock.unlink(missing_ok=True)
            os.close(held)


def _locked(lock: Path) -> int | None:
    """The open and locked file; None where somebody else has locked it."""
    import fcntl

    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.exists() and os.path.samestat(os.fstat(file), lock.stat()):
                return file
        except BlockingIOError:
            os.close(file)
            return None
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # it was removed by its last holder before it was locked here
