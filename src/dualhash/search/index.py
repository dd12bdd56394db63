"""The index: codes in one file, searched three ways."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack, overload

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.codes.ten_crop import check_views
from dualhash.search.contents import Contents
from dualhash.search.model import check_model, find_model
from dualhash.search.query import QueryLike
from dualhash.search.remote import Engine, opener
from dualhash.search.request import PRESENT, SearchOptions, make_request
from dualhash.search.results import Results, Task
from dualhash.search.storage.file import new_index_file
from dualhash.search.storage.header import Header
from dualhash.search.storage.reader import IndexReader

if TYPE_CHECKING:
    from dualhash.search.ranking.code_cache import CodeCache
    from dualhash.search.searcher import SearchExecutor

NO_FILTER: Mapping[str, object] = {}


class Index(Contents):
    """An open index file. Use it in a `with` block, or close it.

    What other programs add is seen by the next search. Several threads may use it at once.
    """

    def __init__(self, store: IndexReader, model: Model | None = None) -> None:
        """Use `Index.open` or `Index.create`."""
        super().__init__(store)
        self._model = model

    @classmethod
    def create(
        cls, path: str | Path, model: Model, *, views: int = 1, replace: bool = False
    ) -> "Index":
        """Makes an empty index file for codes of `model` and opens it.

        Args:
            path: The file to make, in a folder that exists.
            model: Whose codes it will hold.
            views: Views of each image that make its code; image queries are encoded alike.
            replace: Whether an index that is there may be replaced.

        Raises:
            DualhashError: The file exists and may not be replaced, or cannot be written.
        """
        with cls.unfinished(path, model, views=views, replace=replace):
            pass
        return cls.open(Path(path), model)

    @classmethod
    @contextmanager
    def unfinished(
        cls,
        path: str | Path,
        model: Model,
        *,
        views: int = 1,
        replace: bool = False,
        source: str | None = None,
    ) -> Iterator["Index"]:
        """Yields an empty index that moves to `path` at the end of the block.

        If the block fails, `path` stays as it was. Arguments are those of `create`; `source`
        identifies the content. If it is given, a block that is killed or interrupted leaves its
        items, and the next block with the same source continues with them.
        """
        check_views(views)
        header = Header(
            bits=model.bits,
            views=views,
            model_hash=model.hash,
            model_folder=model.folder,
            category_head=model.category_head,
            attribute_head=model.attribute_head,
            attribute_weight=model.card.calibration.get("attribute_weight"),
        )
        with (
            new_index_file(Path(path), header, replace=replace, source=source) as file,
            cls(IndexReader(file), model) as index,
        ):
            yield index

    @overload
    @classmethod
    def open(cls, path: Path, model: Model | str | Path | None = None) -> "Index": ...

    @overload
    @classmethod
    def open(cls, path: str, model: Model | str | Path | None = None) -> "Index | Engine": ...

    @classmethod
    def open(cls, path: str | Path, model: Model | str | Path | None = None) -> "Index | Engine":
        """Opens an index file, or what a URI names: milvus://host/collection, http://host:8000.

        Args:
            path: The file; or the URI of an engine, which answers searches and no more.
            model: The model that made its codes, or its folder; needed for image queries where it
                is not where it was.

        Raises:
            DualhashError: It is not an index, of a newer format, damaged, or another model's.
        """
        opened = Model.open(model) if isinstance(model, str | Path) else model
        if isinstance(path, str) and (open_engine := opener(path)):
            return open_engine(path, opened)
        store = IndexReader(Path(path))
        try:
            if opened:
                check_model(store.path, store.header, opened)
            return cls(store, opened)
        except BaseException:
            store.close()
            raise

    @property
    def model(self) -> Model:
        """The model that made the codes, opened when it is first needed.

        Raises:
            DualhashError: It is not where it was, or is another one now.
        """
        if self._model is None:
            self._model = find_model(self.path, self.header)
        return self._model

    def search(
        self,
        query: QueryLike | None = None,
        *,
        task: Task | None = None,
        want: Iterable[str] = (),
        without: Iterable[str] = (),
        match: Iterable[str] = (),
        filter: Mapping[str, object] = NO_FILTER,
        ids: tuple[int, int] | None = None,
        radius: int | None = None,
        threshold: float = PRESENT,
        attribute_weight: float | None = None,
        k: int = 20,
        offset: int = 0,
        threads: int | None = None,
    ) -> Results:
        """The k best items, exactly; ties by id, so the first 10 of 100 are the top 10.

        `category` ranks by ascending Hamming distance from the query. `attribute` ranks by the
        joint probability that the chosen attributes have the wanted values. `combined` keeps the
        items that have the wanted values (p >= 0.5 of those wanted, p < 0.5 of those unwanted) and
        ranks them by distance from the query, or by probability without one. `weighted`
        keeps all items and ranks by the distance minus `attribute_weight` times the log of the
        joint probability.

        Args:
            query: An image file, an id (17 or "id:17"; that item is left out of the results), a
                packed code (k/8,) uint8, or None where wanted and unwanted attributes suffice.
            task: "category", "attribute", "combined" or "weighted"; None takes what the others
                are meant for: "weighted" with a weight for it, "category" without attributes,
                "combined" with a query and wanted or unwanted attributes, and else "attribute".
            want: Attributes that shall be present.
            without: Attributes that shall be absent.
            match: Attributes that must have the value that the query's own prediction has.
            filter: Only items with these values: of "category", their label, or of any field of
                their payload. A number is the same however it is written: 7, "7" and 7.0.
            ids: Only items with ids from the first to below the second.
            radius: Only items at most so many bits away from the query.
            threshold: For `combined`, the probability in (0, 1) from which on an attribute counts
                as present; below it, it counts as absent.
            attribute_weight: For `weighted`, how many bits of distance a factor of e in probability
                is worth; None takes the weight chosen for the model.
            k: How many results, at least 1.
            offset: How many of the best to skip; the results are those of rank offset + 1 and on.
            threads: How many share the work; None takes one per core. Results do not depend on it.

        Raises:
            DualhashError: The query cannot be read, an attribute or field is not known, the file
                is damaged, or what was asked for does not make a query of this kind.
        """
        options: SearchOptions = {
            "task": task,
            "want": want,
            "without": without,
            "match": match,
            "filter": filter,
            "ids": ids,
            "radius": radius,
            "threshold": threshold,
            "attribute_weight": attribute_weight,
            "k": k,
            "offset": offset,
            "threads": threads,
        }
        return self._search().one(query, make_request(options, query=query is not None))

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """What `search` would give for each of many queries, faster.

        Queries are taken some hundreds at a time, as results are; each lot sees one state of the
        index.

        Args:
            queries: Each as for `search`.
            options: As for `search`.

        Returns:
            For each query in turn its results; or, where it cannot be used, its row and the
            reason, and the others go on.

        Raises:
            DualhashError: What was asked for does not make a query of this kind, for any of them.
        """
        return self._search().many(queries, make_request(options, query=True))

    def _search(self) -> "SearchExecutor":
        """The same for all threads."""
        with self._store.reading():
            return self._searcher

    @cached_property
    def _searcher(self) -> "SearchExecutor":
        """Made by the first search, which is when the kernels are loaded."""
        from dualhash.search.ranking.execute import answer
        from dualhash.search.searcher import SearchExecutor

        answering = partial(answer, store=self._store, resident=self._resident)
        return SearchExecutor(self._store, lambda: self.model, answering)

    @cached_property
    def _resident(self) -> "CodeCache":
        """Keeps the codes in memory from one search to the next."""
        from dualhash.search.ranking.code_cache import CodeCache

        return CodeCache(self._store)
