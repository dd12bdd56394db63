"""Connections to Milvus, and what can be wrong with them."""

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dualhash.errors import DualhashError
from dualhash.files import is_there, may, not_readable, not_writable
from dualhash.search.remote.milvus.address import MilvusAddress

if TYPE_CHECKING:
    from pymilvus import MilvusClient

PATIENCE = 10.0
"""Seconds to wait for a server to answer at all."""


def open_client(place: MilvusAddress, *, create: bool = False) -> "MilvusClient":
    """Connects to a server; that of a Lite file is started, and runs until the program ends.

    The environment variable MILVUS_TOKEN holds what a server wants to see, such as user:password.

    Args:
        place: Where.
        create: Whether a Lite file may be made.

    Raises:
        DualhashError: pymilvus is not installed, there is no such file, or the server does not
            answer.
    """
    try:
        from pymilvus import MilvusClient, MilvusException
        from pymilvus.exceptions import ConnectionConfigException
    except ModuleNotFoundError as error:
        raise DualhashError(
            f"{place} needs the package pymilvus: pip install 'dualhash[milvus]'."
        ) from error
    if place.file:
        _check_file(place.file, create=create)
    # What pymilvus raises it would also log, with its traceback.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    token = os.environ.get("MILVUS_TOKEN", "")
    until = time.monotonic() + PATIENCE
    while True:
        with milvus_errors(place), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Milvus Lite warns of its own imports
            try:
                return MilvusClient(place.server, token=token, timeout=PATIENCE)
            except ConnectionConfigException:
                raise
            except MilvusException:
                if not place.file or time.monotonic() > until:
                    raise
        time.sleep(0.1)  # a server that was just started may not listen yet


def _check_file(file: Path, *, create: bool) -> None:
    """Refuses a Lite file that is not there or not this user's; Lite would not say so."""
    folder = file.absolute().parent
    if is_there(file):
        if not may(file, os.R_OK):
            raise DualhashError(not_readable(file))
    elif not create:
        raise DualhashError(f"{file} does not exist. `dualhash index push` makes it.")
    if create and folder.is_dir() and not may(folder, os.W_OK):
        raise DualhashError(not_writable(file))


@contextmanager
def milvus_errors(place: MilvusAddress) -> Iterator[None]:
    """Says which server it was that something went wrong with."""
    import grpc
    from pymilvus import MilvusException
    from pymilvus.exceptions import ConnectionConfigException

    try:
        yield
    except ConnectionConfigException as error:
        raise DualhashError(
            f"{place} cannot be opened: {error.message.strip('. ')}. A Milvus Lite file needs "
            "pip install 'milvus-lite<2.6' 'setuptools<81', and may be open in one program only."
        ) from error
    except (MilvusException, grpc.RpcError, RuntimeError) as error:
        said = getattr(error, "message", None) or str(error)
        raise DualhashError(
            f"{place} cannot be used now: {said.strip('. ')}. Is the server running, and "
            "reached from here?"
        ) from error
