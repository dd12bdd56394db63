"""The index: codes in one file, searched three ways."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.model import Model
from dualhash.codes.views import check_views
from dualhash.errors import DualhashError
from dualhash.search.conditions import Conditions, choose
from dualhash.search.index_file import Header, new_index_file
from dualhash.search.query import QueryLike, check_codes, resolve
from dualhash.search.results import Hit, Item, Labels, Results, Task
from dualhash.search.store import Store
from dualhash.search.tasks import CodeTable, rank


class Index:
    """An open index file. Use it in a `with` block, or close it.

    What other programs add is seen by the next search.
    """

    def __init__(self, store: Store, model: Model | None = None) -> None:
        """Use `Index.open` or `Index.create`."""
        self._store = store
        self._model = model
        self._table: CodeTable | None = None
        self._seen = store.version()

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
        return cls.open(path, model)

    @classmethod
    @contextmanager
    def unfinished(
        cls, path: str | Path, model: Model, *, views: int = 1, replace: bool = False
    ) -> Iterator["Index"]:
        """An empty index that takes its place at `path` only when the block is left without error.

        Until then, whatever was at `path` stays as it was. Arguments are those of `create`.
        """
        check_views(views)
        header = Header(
            bits=model.bits,
            views=views,
            model_hash=model.hash,
            model_folder=model.folder,
            category_head=model.category_head,
            attribute_head=model.attribute_head,
        )
        with (
            new_index_file(Path(path), header, replace=replace) as file,
            cls(Store(file), model) as index,
        ):
            yield index

    @classmethod
    def open(cls, path: str | Path, model: Model | str | Path | None = None) -> "Index":
        """Opens an index file.

        Args:
            path: The file.
            model: The model that made its codes, or its folder; needed for image queries where it
                is not where it was.

        Raises:
            DualhashError: It is not an index, of a newer format, damaged, or another model's.
        """
        opened = Model.open(model) if isinstance(model, str | Path) else model
        store = Store(Path(path))
        try:
            if opened:
                _check_model(store, opened)
            return cls(store, opened)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Closes the file; closing twice does nothing."""
        self._store.close()

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
        return self._store.count()

    @property
    def path(self) -> Path:
        """The file."""
        return self._store.path

    @property
    def header(self) -> Header:
        """Bits, views, names, heads, and which model made the codes."""
        return self._store.header

    @property
    def model(self) -> Model:
        """The model that made the codes, opened when it is first needed.

        Raises:
            DualhashError: It is not where it was, or is another one now.
        """
        if self._model is None:
            try:
                model = Model.open(self.header.model_folder)
            except DualhashError as error:
                raise DualhashError(
                    f"{self.path} needs its model for this query. {error} Say where the model is "
                    "with --model (model=)."
                ) from error
            _check_model(self._store, model)
            self._model = model
        return self._model

    def add(
        self,
        codes: NDArray[np.uint8],
        images: Sequence[Path | str],
        payloads: Sequence[Mapping[str, Any]] | None = None,
        labels: Sequence[Labels] | None = None,
    ) -> NDArray[np.int64]:
        """Adds n items in one transaction: all of them are kept, or none.

        Args:
            codes: (n, k/8) uint8, packed.
            images: n paths.
            payloads: n mappings of plain values, kept as JSON; empty by default.
            labels: What is known of the n images; nothing by default. Attributes that the model
                does not know are not kept.

        Returns:
            (n,) int64 ids, ascending, never used before.

        Raises:
            DualhashError: The codes are of another length or the arguments differ in number.
        """
        check_codes(codes, self.header, dimensions=2)
        payloads = [{}] * len(codes) if payloads is None else payloads
        labels = [Labels()] * len(codes) if labels is None else labels
        counts = {len(codes), len(images), len(payloads), len(labels)}
        if len(counts) > 1:
            raise DualhashError(
                f"There are {len(codes)} codes, {len(images)} images, {len(payloads)} payloads and "
                f"{len(labels)} labels; there must be one of each an item."
            )
        self._table = None
        return self._store.add(codes, images, payloads, labels)

    def item(self, item: int) -> Item:
        """What is kept beside the code of an id.

        Raises:
            DualhashError: There is no such id.
        """
        return self._store.item(item)[1]

    def search(
        self,
        query: QueryLike | None = None,
        *,
        task: Task = "category",
        want: Iterable[str] = (),
        without: Iterable[str] = (),
        attributes: Iterable[str] = (),
        k: int = 20,
    ) -> Results:
        """The k best items, exactly; ties by id, so the first 10 of 100 are the top 10.

        `category` ranks by ascending Hamming distance from the query. `attribute` ranks by the
        joint probability that the chosen attributes have the wanted values. `combined` keeps the
        items that have the wanted values (p >= 0.5 of those wanted, p < 0.5 of those unwanted) and
        ranks them by distance from the query, or by probability without one.

        Args:
            query: An image file, an id (17 or "id:17"; that item is left out of the results), a
                packed code (k/8,) uint8, or None where wanted and unwanted attributes suffice.
            task: "category", "attribute" or "combined".
            want: Attributes that shall be present.
            without: Attributes that shall be absent.
            attributes: Attributes that shall be as the query's own prediction has them.
            k: How many results, at least 1.

        Raises:
            DualhashError: The query cannot be read, an attribute is not known, or what was asked
                for does not make a query of this kind.
        """
        found = None if query is None else resolve(query, self._store, lambda: self.model)
        code = None if found is None else found.code
        conditions = choose(
            self.header.attribute_head,
            want=want,
            without=without,
            attributes=attributes,
            code=code,
        )
        table = self._codes()
        if found and found.id is not None:
            table = table.leave_out(found.id)
        ranking = rank(task, code, conditions, table, k)
        return Results(
            task=task,
            bits=self.header.bits,
            query=found,
            conditions=conditions.values,
            matched=ranking.matched,
            hits=self._hits(table.of(ranking.ids), code, conditions),
        )

    def _codes(self) -> CodeTable:
        """All codes, read again when the file has changed."""
        version = self._store.version()
        if self._table is None or version != self._seen:
            self._seen = version
            self._table = CodeTable(*self._store.codes())
        return self._table

    def _hits(
        self, best: CodeTable, code: NDArray[np.uint8] | None, conditions: Conditions
    ) -> tuple[Hit, ...]:
        """Results of the best codes, in their order, with everything that is shown of them."""
        ids = best.ids.tolist()
        items = self._store.items(ids)
        distances = [None] * len(ids) if code is None else best.distances(code).tolist()
        evidence = conditions.evidence(best.codes)
        return tuple(
            Hit(
                rank=rank,
                id=item,
                distance=distance,
                score=score,
                probabilities=probabilities,
                image=items[item].image,
                labels=items[item].labels,
                payload=items[item].payload,
            )
            for rank, (item, distance, (score, probabilities)) in enumerate(
                zip(ids, distances, evidence, strict=True), start=1
            )
        )


def _check_model(store: Store, model: Model) -> None:
    header = store.header
    if model.hash != header.model_hash:
        raise DualhashError(
            f"{store.path} holds codes of another model than {model.folder} ({header.bits} bits, "
            f"model {header.model_hash[:12]}, not {model.bits} bits, model {model.hash[:12]}). "
            "Index the images again with this model, or use the model that made the index."
        )
