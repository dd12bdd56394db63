"""Errors of weight downloads as messages that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from dualhash.errors import DualhashError
from dualhash.network.backbone import first_line


@contextmanager
def downloading(name: str, *, source: str, cache: Path) -> Iterator[None]:
    """Turns errors of a download in this block into a `DualhashError`.

    Args:
        name: The backbone.
        source: What is downloaded, and from where.
        cache: The file or folder where the download is cached.

    Raises:
        DualhashError: The weights are not cached and the download failed.
    """
    try:
        yield
    except (OSError, HTTPException) as error:
        raise DualhashError(
            f"The pretrained weights of {name!r} could not be downloaded ({first_line(error)}): "
            f"place {source} at {cache}, use the backbone 'efficientnet-lite0', whose weights "
            "are installed with pip, or train from scratch with --no-pretrained."
        ) from error
