"""Connections to Milvus: addresses, clients, and errors as sentences."""

import logging
import os
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dualhash.errors import DualhashError, needs_extra
from dualhash.files import is_there, may, not_readable, not_writable

if TYPE_CHECKING:
    from pymilvus import MilvusClient

PORT = 19530

SERVERS = {"milvus": "http", "milvus+https": "https", "http": "http", "https": "https"}
"""Scheme of a URI: the scheme that pymilvus uses."""

CONNECT_TIMEOUT = 10.0
"""Seconds to wait until a server responds at all."""


@dataclass(frozen=True)
class MilvusAddress:
    """The address of a collection.

    Attributes:
        server: What pymilvus connects to: http(s)://host:port, or the path of a Lite file.
        collection: Name of the collection; None if it is not given.
    """

    server: str
    collection: str | None

    @property
    def file(self) -> Path | None:
        """The Lite file, if it is one."""
        return None if "://" in self.server else Path(self.server)

    def __str__(self) -> str:
        """Returns the URI to search it with."""
        scheme, separator, rest = self.server.partition("://")
        if separator:
            rest = ("milvus://" if scheme == "http" else "milvus+https://") + rest
        else:
            rest = f"milvus:{'//' if scheme.startswith('/') else ''}{scheme}"
        return rest if self.collection is None else f"{rest}/{self.collection}"


def parse_address(text: str) -> MilvusAddress:
    """Parses a URI or the path of a Lite file.

    `milvus://host[:19530][/collection]`, with TLS `milvus+https://…`, and both also as pymilvus
    writes them, `http://…` and `https://…`; `[milvus:]folder/lite.db[/collection]`, and for an
    absolute path also `milvus:///folder/lite.db[/collection]`.

    Raises:
        DualhashError: It has another form.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or PORT
    except ValueError as error:
        raise _no_address(text) from error
    if parts.hostname and parts.scheme in SERVERS:
        server = f"{SERVERS[parts.scheme]}://{parts.hostname}:{port}"
        return MilvusAddress(server, _checked_name(text, parts.path.strip("/")))
    match = re.fullmatch(r"(?:milvus:)?(?://(?=/))?(.*?\.db)(?:/([^/]*))?/?", text)
    if not match or "://" in text.removeprefix("milvus://"):
        raise _no_address(text)
    file, collection = match.groups()
    return MilvusAddress(file, _checked_name(text, collection or ""))


def _checked_name(text: str, name: str) -> str | None:
    if name and not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise DualhashError(
            f"{text!r}: the name of a collection has only letters, digits and underscores and does "
            f"not begin with a digit, unlike {name!r}."
        )
    return name or None


def _no_address(text: str) -> DualhashError:
    return DualhashError(
        f"{text!r} is not the address of a Milvus server. Write http://host:{PORT}/collection, or "
        "the name of a Milvus Lite file, which ends in .db."
    )


def open_client(address: MilvusAddress, *, create: bool = False) -> "MilvusClient":
    """Connects to a server; that of a Lite file is started and runs until the program ends.

    The environment variable MILVUS_TOKEN holds the server's token, such as user:password.

    Args:
        address: The server or Lite file.
        create: Whether a Lite file may be created.

    Raises:
        DualhashError: pymilvus is not installed, the file is missing, or the server does not
            respond.
    """
    with needs_extra(str(address), "milvus"):
        from pymilvus import MilvusClient, MilvusException
        from pymilvus.exceptions import ConnectionConfigException
    if address.file:
        _check_file(address.file, create=create)
    # pymilvus also logs what it raises, with a traceback
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    token = os.environ.get("MILVUS_TOKEN", "")
    deadline = time.monotonic() + CONNECT_TIMEOUT
    while True:
        with milvus_errors(address), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Milvus Lite warns about its own imports
            try:
                return MilvusClient(address.server, token=token, timeout=CONNECT_TIMEOUT)
            except ConnectionConfigException:
                raise
            except MilvusException:
                if not address.file or time.monotonic() > deadline:
                    raise
        time.sleep(0.1)  # a server that was just started may not listen yet


def _check_file(file: Path, *, create: bool) -> None:
    """Refuses a Lite file that is missing or not accessible; Lite gives no clear error."""
    folder = file.absolute().parent
    if is_there(file):
        if not may(file, os.R_OK):
            raise DualhashError(not_readable(file))
    elif not create:
        raise DualhashError(f"{file} does not exist. `dualhash index push` creates it.")
    if create and folder.is_dir() and not may(folder, os.W_OK):
        raise DualhashError(not_writable(file))


@contextmanager
def milvus_errors(address: MilvusAddress) -> Iterator[None]:
    """Turns errors of Milvus into errors that name the server."""
    import grpc
    from pymilvus import MilvusException
    from pymilvus.exceptions import ConnectionConfigException

    try:
        yield
    except ConnectionConfigException as error:
        raise DualhashError(
            f"{address} cannot be opened: {error.message.strip('. ')}. A Milvus Lite file needs "
            "pip install 'milvus-lite<2.6' 'setuptools<81', and only one program can open it."
        ) from error
    except (MilvusException, grpc.RpcError, RuntimeError) as error:
        message = getattr(error, "message", None) or str(error)
        raise DualhashError(
            f"{address} cannot be used now: {message.strip('. ')}. Check that the server runs and "
            "can be reached."
        ) from error
