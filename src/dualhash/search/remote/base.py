"""What every remote index can do, and which scheme of a URI opens which kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
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

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


Opener = Callable[[str, Model | None], RemoteIndex]
"""Opens a URI; the model, if it is given, must be the one that made the codes."""

MILVUS = "dualhash.search.remote.milvus.index:open_collection"

HTTP = "dualhash.search.remote.http:open_service"

SCHEMES: Mapping[str, str] = MappingProxyType(
    {"milvus": MILVUS, "milvus+https": MILVUS, "http": HTTP, "https": HTTP}
)
"""Scheme of a URI: module and name of its opener, which is imported when it is needed."""


def remote_opener(address: str) -> Opener | None:
    """Returns what opens a URI; None if the address is a path.

    Raises:
        DualhashError: The URI has an unknown scheme.
    """
    scheme, _, rest = address.partition(":")
    if scheme in SCHEMES:
        module, _, name = SCHEMES[scheme].partition(":")
        opener: Opener = getattr(import_module(module), name)
        return opener
    if rest.startswith("//"):
        raise DualhashError(
            f"No remote index has the scheme {scheme}://. {nearest(scheme, SCHEMES)}"
        )
    return None
