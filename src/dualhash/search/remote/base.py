"""What every remote index can do, and which scheme of a URI opens which kind."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, Self, Unpack

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError, nearest
from dualhash.search.query import QueryLike
from dualhash.search.request import SearchOptions
from dualhash.search.results import Results
from dualhash.search.storage.header import Header


class RemoteIndex(Protocol):
    """An index that can be searched; `Index` is one too. Use it in a `with` block, or close it."""

    @property
    def header(self) -> Header:
        """The properties that all codes share."""

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """Returns what `Index.search` returns for the same codes.

        Raises:
            DualhashError: As `Index.search`; or this kind of index cannot answer exactly.
        """

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """Yields what `Index.search_batch` yields."""

    def close(self) -> None:
        """Closes the connection; a second call does nothing."""

    def __len__(self) -> int: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Opener = Callable[[str, Model | None], RemoteIndex]
"""Opens a URI; the model, if it is given, must be the one that made the codes."""

SCHEMES = ("milvus", "milvus+https", "postgresql", "postgres", "http", "https")


def remote_opener(address: str) -> Opener | None:
    """Returns what opens a URI; None if the address is a path.

    Raises:
        DualhashError: The URI has an unknown scheme.
    """
    scheme, _, rest = address.partition(":")
    if scheme in ("http", "https"):
        from dualhash.search.remote.http import open_service

        return open_service
    if scheme in ("postgresql", "postgres"):
        from dualhash.search.remote.postgres.index import open_table

        return open_table
    if scheme in SCHEMES:
        from dualhash.search.remote.milvus.index import open_collection

        return open_collection
    if rest.startswith("//"):
        raise DualhashError(
            f"No remote index has the scheme {scheme}://. {nearest(scheme, SCHEMES)}"
        )
    return None
