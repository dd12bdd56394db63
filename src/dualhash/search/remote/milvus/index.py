"""A Milvus collection as a remote index, searched exactly."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.kernels import joint_probability
from dualhash.search.query import QueryLike, check_model, find_model
from dualhash.search.ranking.attribute_predicates import AttributePredicates, choose
from dualhash.search.ranking.execute import make_results, search, search_batch
from dualhash.search.ranking.rank import RankedIds
from dualhash.search.remote.base import RemoteIndex
from dualhash.search.remote.milvus.client import parse_address
from dualhash.search.remote.milvus.collection import (
    CODE,
    LOGS,
    MAX_ROWS,
    OTHER_BITS,
    Collection,
    connect,
)
from dualhash.search.remote.milvus.exact_topk import COMPLETE, Fetch, Keys, best, within
from dualhash.search.remote.milvus.metadata import read_header, read_state
from dualhash.search.remote.milvus.rows import (
    between,
    having,
    literals_of,
    read_code,
    with_fact,
)
from dualhash.search.remote.stored_items import read_item
from dualhash.search.request import SearchOptions, SearchRequest, make_request
from dualhash.search.results import CodedItem, Item, Query, Results, Task
from dualhash.search.storage.header import Header
from dualhash.search.storage.payload_columns import check_field
from dualhash.search.storage.sqlite import ItemNotFoundError

MAX_RESULTS = MAX_ROWS // 2
"""Half of what a response holds, so that there is room for ties."""

ITEMS_AT_ONCE = 500
"""Items fetched with one request; each may have 64 KB, and a response 64 MB."""

ROUNDING = 2.0**-23
"""Larger than the relative rounding error of a float32 number, or of a sum of two."""

SLACK = 1e-12
"""Larger than the rounding error of the log of a probability in float64."""

SMALLEST = 1e-290
"""Below this, float64 does not hold probabilities to 53 bits, and no item is skipped."""


class MilvusIndex(RemoteIndex):
    """An open collection. Use it in a `with` block, or close it.

    It is a copy of an index file: change the file and push it again. The next search sees what was
    pushed.
    """

    def __init__(self, collection: Collection, model: Model | None) -> None:
        """Use `Index.open`, or `open_collection`."""
        self._collection = collection
        self._model = model

    def close(self) -> None:
        """Closes the connection; a second call does nothing."""
        self._collection.close()

    def __len__(self) -> int:
        return self._collection.count()

    @cached_property
    def header(self) -> Header:
        """The properties that all codes share.

        Raises:
            DualhashError: The collection is missing, incomplete, damaged or has a newer format.
        """
        collection = self._collection
        state = read_state(collection) if collection.has_metadata() else None
        if state is None or not collection.exists():
            raise DualhashError(
                f"{collection.address} holds no index. `dualhash index push` copies one to it."
            )
        if not state.complete:
            raise DualhashError(
                f"{collection.address} is not complete: the first push to it was interrupted. Push "
                "the index again; it continues where it stopped."
            )
        return read_header(collection, state)

    @property
    def model(self) -> Model:
        """The model that made the codes, opened when it is first needed.

        Raises:
            DualhashError: It was moved or replaced.
        """
        if self._model is None:
            self._model = find_model(self._collection.address, self.header)
        return self._model

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """Returns what `Index.search` returns for the index file that was pushed.

        Raises:
            DualhashError: As for `Index.search`; or Milvus cannot answer exactly: the task is
                `weighted` or `posterior`, a threshold or precision is given, a rank is above 8,192,
                or too many items are equally good.
        """
        return search(self, self._search_resolved, query, make_request(options))

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """Yields what `search` returns for each query, or why it cannot be used."""
        return search_batch(self, self._search_resolved, queries, make_request(options))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Does nothing: Milvus has no transactions, so each request sees the newest state."""
        yield

    def get(self, item: int) -> CodedItem:
        """Returns the item with an id, with its code.

        Raises:
            ItemNotFoundError: No item has this id.
        """
        rows = self._collection.rows([item], [*self._code_fields, "item"])
        if item not in rows:
            raise ItemNotFoundError(f"{self._collection.address} has no item with the id {item}.")
        stored = read_item(item, rows[item]["item"], self.header.attribute_head.names)
        return CodedItem(**vars(stored), code=read_code(rows[item]))

    @property
    def _code_fields(self) -> list[str]:
        """The fields that together hold a code."""
        return [CODE] if self.header.ranking_bits is None else [CODE, OTHER_BITS]

    def _search_resolved(
        self, queries: Sequence[Query | None], request: SearchRequest, task: Task
    ) -> list[Results]:
        """Returns the results of each query, as `search` describes."""
        self._check(request, task)
        state = read_state(self._collection)
        assert state is not None
        for field, text in request.filter.items():
            check_field(field, state.fields)
            if not self._collection.count(with_fact(field, text)):
                raise DualhashError(f"No item has {field}={text!r}.")
        return [self._search(query, request, task, state.stop) for query in queries]

    def _check(self, request: SearchRequest, task: Task) -> None:
        address = self._collection.address
        if task in ("weighted", "posterior"):
            raise DualhashError(
                f"{address} cannot run searches with the task {task}; search the index file for "
                "that, or choose the task combined."
            )
        if request.threshold is not None or request.precision is not None:
            raise DualhashError(
                f"{address} only knows which attributes are present at the default threshold; "
                "search the index file for another threshold or a precision."
            )
        if request.last > MAX_RESULTS:
            raise DualhashError(
                f"{address} returns {MAX_RESULTS:,} results at most, not {request.last:,}."
            )

    def _search(
        self, query: Query | None, request: SearchRequest, task: Task, stop: int
    ) -> Results:
        predicates = choose(
            self.header.calibrated_attribute_head, request, query, self.header.calibration
        )
        clauses = self._clauses(query, request, task, predicates)
        code = None if query is None or task == "attribute" else query.code
        if code is None:
            fetch = self._by_probability(predicates, clauses, stop)
        else:
            fetch = self._by_distance(code, clauses, stop)
        if request.radius is None:
            found = best(fetch, request.last, stop)
            matched = self._collection.count(" and ".join(clauses))
        else:
            found = within(fetch, request.radius, stop)
            matched = len(found.ids)
        shown = slice(request.offset, request.last)
        ids, keys = found.ids[shown], found.keys[shown]
        if code is None:
            ranked = RankedIds(ids, matched, probabilities=-keys)
        else:
            ranked = RankedIds(ids, matched, distances=keys.astype(np.int64))
        items, codes = self._items(ranked.ids)
        bits = self.header.compared_bits
        return make_results(
            task, request, query, predicates, ranked, compared_bits=bits, codes=codes, items=items
        )

    def _clauses(
        self,
        query: Query | None,
        request: SearchRequest,
        task: Task,
        predicates: AttributePredicates,
    ) -> tuple[str, ...]:
        """Returns expressions that all matching items meet, at any distance."""
        clauses = [with_fact(field, text) for field, text in request.filter.items()]
        if request.ids is not None:
            clauses.append(between(*request.ids))
        if task == "combined":
            names = self.header.attribute_head.names
            clauses.append(having(literals_of(predicates, names)))
        if query is not None and query.id is not None:
            clauses.append(f"id != {query.id}")
        return tuple(clauses)

    def _by_distance(self, code: NDArray[np.uint8], clauses: tuple[str, ...], stop: int) -> Fetch:
        """Distances are small integers, which Milvus returns exactly."""
        compared = code[: self.header.compared_bits // 8].tobytes()

        def fetch(low: int, high: int, limit: int) -> Keys:
            among = _in_range(clauses, low, high, stop)
            ids, distances = self._collection.best(CODE, compared, among, limit)
            return Keys(ids, distances, distances[-1] if len(ids) == limit else COMPLETE)

        return fetch

    def _by_probability(
        self, predicates: AttributePredicates, clauses: tuple[str, ...], stop: int
    ) -> Fetch:
        """Milvus ranks by rounded logs of probabilities; the exact ones come from the codes.

        All terms of a sum have one sign, so its error is bounded relative to the sum.
        """
        names = self.header.attribute_head.names
        chosen = np.zeros(2 * len(names), np.float32)
        chosen[literals_of(predicates, names)] = 1
        margin = (len(predicates.wanted) + 2) * ROUNDING

        def fetch(low: int, high: int, limit: int) -> Keys:
            among = _in_range(clauses, low, high, stop)
            ids, logs = self._collection.best(LOGS, chosen, among, limit)
            rows = self._collection.rows(ids.tolist(), self._code_fields)
            codes = self._codes([self._row(rows, item) for item in ids.tolist()])
            scores = predicates.head.code_scores(codes)
            probabilities = joint_probability(scores, predicates.wanted)
            usual = probabilities > SMALLEST
            exact = np.log(probabilities[usual])
            if (np.abs(logs[usual] - exact) > SLACK - margin * exact).any():
                if self._collection.logs_apart:
                    raise self._changed()
                raise DualhashError(
                    f"{self._collection.address} computes inner products less precisely than "
                    "float32, so it cannot rank by them exactly."
                )
            beyond = COMPLETE
            if len(ids) == limit:
                highest = logs[-1] - margin * logs[-1] + SLACK
                beyond = -max(float(np.exp(min(highest, 0))), SMALLEST)
            return Keys(ids, -probabilities, beyond)

        return fetch

    def _items(self, ids: NDArray[np.int64]) -> tuple[dict[int, Item], NDArray[np.uint8]]:
        """Returns m items by id, and their codes (m, k/8)."""
        rows: dict[int, dict[str, Any]] = {}
        for start in range(0, len(ids), ITEMS_AT_ONCE):
            batch = ids[start : start + ITEMS_AT_ONCE].tolist()
            rows |= self._collection.rows(batch, [*self._code_fields, "item"])
        ordered = [self._row(rows, item) for item in ids.tolist()]
        names = self.header.attribute_head.names
        return {
            row["id"]: read_item(row["id"], row["item"], names) for row in ordered
        }, self._codes(ordered)

    def _row(self, rows: Mapping[int, dict[str, Any]], item: int) -> dict[str, Any]:
        if item not in rows:
            raise self._changed()
        return rows[item]

    def _changed(self) -> DualhashError:
        return DualhashError(
            f"{self._collection.address} was changed during the search. Search again; if the last "
            "push was interrupted, push the index again."
        )

    def _codes(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.uint8]:
        """Returns the packed codes (m, k/8) of rows."""
        codes = [read_code(row) for row in rows]
        return np.array(codes, np.uint8).reshape(-1, self.header.bits // 8)


def _in_range(clauses: Sequence[str], low: int, high: int, stop: int) -> str:
    """Returns the expression for items that meet all clauses and have low <= id < high."""
    everything = low == 0 and high == stop
    return " and ".join(clauses if everything else [*clauses, between(low, high)])


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
    index = MilvusIndex(collection, model)
    try:
        header = index.header
        collection.check_indexes()
        if model:
            check_model(collection.address, header, model)
    except BaseException:
        index.close()
        raise
    return index
