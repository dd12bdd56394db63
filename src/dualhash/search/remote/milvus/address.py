"""Where a collection is: a Milvus server, or a file of Milvus Lite."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dualhash.errors import DualhashError

PORT = 19530

SERVERS = {"milvus": "http", "milvus+https": "https", "http": "http", "https": "https"}
"""Scheme of a URI: that under which pymilvus knows the server."""


@dataclass(frozen=True)
class MilvusAddress:
    """A collection of a server.

    Attributes:
        server: What pymilvus connects to: http(s)://host:port, or the path of a Lite file.
        collection: Its name there; None where it is not said.
    """

    server: str
    collection: str | None

    @property
    def file(self) -> Path | None:
        """The Lite file, if it is one."""
        return None if "://" in self.server else Path(self.server)

    def __str__(self) -> str:
        """The URI to search it with."""
        scheme, separator, rest = self.server.partition("://")
        if separator:
            rest = ("milvus://" if scheme == "http" else "milvus+https://") + rest
        else:
            rest = f"milvus:{'//' if scheme.startswith('/') else ''}{scheme}"
        return rest if self.collection is None else f"{rest}/{self.collection}"


def parse(text: str) -> MilvusAddress:
    """The place that a URI or the path of a Lite file names.

    `milvus://host[:19530][/collection]`, with TLS `milvus+https://…`, and both also as pymilvus
    has them, `http://…` and `https://…`; `[milvus:]folder/lite.db[/collection]`, of which an
    absolute path is also written `milvus:///folder/lite.db[/collection]`.

    Raises:
        DualhashError: It is none of these.
    """
    try:
        parts = urlsplit(text)
        port = parts.port or PORT
    except ValueError as error:
        raise _no_place(text) from error
    if parts.hostname and parts.scheme in SERVERS:
        server = f"{SERVERS[parts.scheme]}://{parts.hostname}:{port}"
        return MilvusAddress(server, _name(text, parts.path.strip("/")))
    found = re.fullmatch(r"(?:milvus:)?(?://(?=/))?(.*?\.db)(?:/([^/]*))?/?", text)
    if not found or "://" in text.removeprefix("milvus://"):
        raise _no_place(text)
    file, collection = found.groups()
    return MilvusAddress(file, _name(text, collection or ""))


def named_after(index: Path) -> str:
    """The name of the collection for an index file, where none is given."""
    name = re.sub(r"\W", "_", index.stem, flags=re.ASCII)
    return name if re.match(r"[A-Za-z_]", name) else f"_{name}"


def _name(text: str, name: str) -> str | None:
    if name and not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise DualhashError(
            f"{text!r}: a collection's name has letters, digits and underscores only and begins "
            f"with no digit, unlike {name!r}."
        )
    return name or None


def _no_place(text: str) -> DualhashError:
    return DualhashError(
        f"{text!r} names no Milvus server. Write http://host:{PORT}/collection, or the name of a "
        "Milvus Lite file, which ends in .db."
    )
