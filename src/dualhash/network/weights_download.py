"""Weights that have to be fetched, and what to say when they cannot be."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from dualhash.errors import DualhashError
from dualhash.network.backbone import first_line


@contextmanager
def fetching(name: str, *, source: str, cache: Path) -> Iterator[None]:
    """Turns the failures of a download inside it into one sentence that says what to do.

    Args:
        name: The backbone.
        source: What is fetched from where.
        cache: The file or folder in which the download would be kept.

    Raises:
        DualhashError: The weights are not cached and could not be fetched.
    """
    try:
        yield
    except (OSError, HTTPException) as error:
        raise DualhashError(
            f"The pretrained weights of {name!r} could not be fetched ({first_line(error)}): "
            f"place {source} at {cache}, use the backbone 'efficientnet-lite0', whose weights "
            "are installed with pip, or train from scratch with --no-pretrained."
        ) from error
