"""A Milvus collection as a remote index."""

from collections.abc import Iterable, Iterator
from typing import Self, Unpack

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.query import QueryLike, check_model
from dualhash.search.ranking.execute import search, search_batch
from dualhash.search.remote.milvus.client import parse_address
from dualhash.search.remote.milvus.collection import Collection, connect
from dualhash.search.remote.milvus.metadata import CollectionState, read_header, read_state
from dualhash.search.remote.milvus.source import MilvusSource
from dualhash.search.request import SearchOptions, make_request
from dualhash.search.results import Results


class MilvusIndex(MilvusSource):
    """An open collection. Use it in a `with` block, or close it.

    It is a copy of an index file: change the file and push it again. The next search sees what was
    pushed.
    """

    def close(self) -> None:
        """Closes the connection; a second call does nothing."""
        self._collection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._collection.count()

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """Returns what `Index.search` returns for the index file that was pushed.

        Raises:
            DualhashError: As for `Index.search`; or Milvus cannot answer exactly: the task is
                `weighted`, the threshold is not 0.5, a rank is above 8,192, or too many items are
                equally good.
        """
        return search(self, self.answer, query, make_request(options))

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """Yields what `search` returns for each query, or why it cannot be used."""
        return search_batch(self, self.answer, queries, make_request(options))


def open_collection(uri: str, model: Model | None = None) -> MilvusIndex:
    """Opens a collection that `dualhash index push` has filled.

    Args:
        uri: Its address, as `parse_address` reads it.
        model: The model that made its codes; needed for image queries if the model was moved.

    Raises:
        DualhashError: The server does not respond; or the collection is missing, incomplete,
            damaged, has a newer format, or its codes were made by another model.
    """
    collection = connect(parse_address(uri))
    try:
        header = read_header(collection, _complete_state(collection))
        collection.check_indexes()
        if model:
            check_model(collection.address, header, model)
    except BaseException:
        collection.close()
        raise
    return MilvusIndex(collection, header, model)


def _complete_state(collection: Collection) -> CollectionState:
    """Returns the state of a collection that can be searched."""
    state = read_state(collection) if collection.has_metadata() else None
    if state is None or not collection.exists():
        raise DualhashError(
            f"{collection.address} holds no index. `dualhash index push` copies one to it."
        )
    if not state.complete:
        raise DualhashError(
            f"{collection.address} is not complete: the first push to it was interrupted. Push the "
            "index again; it continues where it stopped."
        )
    return state
