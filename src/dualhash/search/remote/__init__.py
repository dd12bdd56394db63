"""Where else than in an index file codes are searched, by the scheme of a URI."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType, TracebackType
from typing import Protocol, Self, Unpack

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError, nearest
from dualhash.search.query import QueryLike
from dualhash.search.request import SearchOptions
from dualhash.search.results import Results
from dualhash.search.storage.header import Header


class Engine(Protocol):
    """What answers searches; an `Index` is one. Use it in a `with` block, or close it."""

    @property
    def header(self) -> Header:
        """Bits, views, names, heads, and which model made the codes."""

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """As `Index.search`, with the same results for the same codes.

        Raises:
            DualhashError: As `Index.search`; or this engine cannot answer it exactly.
        """

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """As `Index.search_batch`."""

    def close(self) -> None:
        """Closes it; closing twice does nothing."""

    def __len__(self) -> int: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


@dataclass(frozen=True)
class Scheme:
    """A kind of engine.

    Attributes:
        module: Where its opener is, loaded when it is first needed.
        opener: The name of the function that opens it, given a URI and, or None, the model that
            made its codes.
    """

    module: str
    opener: str


MILVUS = Scheme("dualhash.search.remote.milvus.index", "open_collection")

SERVICE = Scheme("dualhash.search.remote.http", "open_service")

SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {"milvus": MILVUS, "milvus+https": MILVUS, "http": SERVICE, "https": SERVICE}
)
"""Scheme of a URI: what it opens."""


def opener(address: str) -> Callable[[str, Model | None], Engine] | None:
    """What opens an address if it is a URI; None where it is a path.

    Raises:
        DualhashError: No engine has its scheme.
    """
    scheme, _, rest = address.partition(":")
    if scheme in SCHEMES:
        found = SCHEMES[scheme]
        opens: Callable[[str, Model | None], Engine]
        opens = getattr(import_module(found.module), found.opener)
        return opens
    if rest.startswith("//"):
        raise DualhashError(f"Nothing here searches {scheme}://. {nearest(scheme, SCHEMES)}")
    return None
