"""A collection of Milvus as an index that is searched."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.model import check_model, find_model
from dualhash.search.query import QueryLike
from dualhash.search.remote.milvus import metadata as notes
from dualhash.search.remote.milvus.address import parse
from dualhash.search.remote.milvus.collection import Collection, connect
from dualhash.search.request import SearchOptions, make_request
from dualhash.search.results import Results
from dualhash.search.storage.header import Header

if TYPE_CHECKING:
    from dualhash.search.searcher import SearchExecutor


class MilvusIndex:
    """An open collection. Use it in a `with` block, or close it.

    It is a copy of an index file: what shall change in it is changed there and pushed again. What
    is pushed is seen by the next search.
    """

    def __init__(self, collection: Collection, header: Header, model: Model | None) -> None:
        """Use `Index.open`, or `open_collection`."""
        self._collection = collection
        self._model = model
        self.header = header

    def close(self) -> None:
        """Closes the connection; closing twice does nothing."""
        self._collection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._collection.count()

    @property
    def model(self) -> Model:
        """The model that made the codes, opened when it is first needed.

        Raises:
            DualhashError: It is not where it was, or is another one now.
        """
        if self._model is None:
            self._model = find_model(self._collection.place, self.header)
        return self._model

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """What `Index.search` gives for the index file that was pushed.

        Raises:
            DualhashError: As there; or the task is `weighted`, the threshold is not 0.5, a rank
                is above 8,192, or too many items are equally good: Milvus cannot
                find these exactly.
        """
        return self._searcher.one(query, make_request(options, query=query is not None))

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """What `search` gives for each of many queries, or why it gives nothing."""
        return self._searcher.many(queries, make_request(options, query=True))

    @cached_property
    def _searcher(self) -> "SearchExecutor":
        """Made by the first search, which is when the kernels are loaded."""
        from dualhash.search.remote.milvus.source import MilvusSource
        from dualhash.search.searcher import SearchExecutor

        source = MilvusSource(self._collection, self.header)
        return SearchExecutor(source, lambda: self.model, source.answer)


def open_collection(uri: str, model: Model | None = None) -> MilvusIndex:
    """Opens a collection that `dualhash index push` has filled.

    Args:
        uri: Where, as `place.parse` takes it.
        model: The model that made its codes; needed for image queries where it is not where it was.

    Raises:
        DualhashError: The server does not answer, or the collection is not there, not complete, of
            a newer format, damaged, or another model's.
    """
    collection = connect(parse(uri))
    try:
        header = notes.read_header(collection, _complete(collection))
        collection.check_indexes()
        if model:
            check_model(collection.place, header, model)
    except BaseException:
        collection.close()
        raise
    return MilvusIndex(collection, header, model)


def _complete(collection: Collection) -> notes.CollectionState:
    """The state of a collection that can be searched."""
    state = notes.read_state(collection) if collection.has_notes() else None
    if state is None or not collection.exists():
        raise DualhashError(
            f"{collection.place} holds no index. `dualhash index push` brings one there."
        )
    if not state.complete:
        raise DualhashError(
            f"{collection.place} is not complete: the first push to it has not come to its end. "
            "Push the index again; it goes on where it was."
        )
    return state
