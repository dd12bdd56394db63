"""A PostgreSQL table as a remote index."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.query import QueryLike, check_model, find_model
from dualhash.search.ranking.attribute_predicates import AttributePredicates, choose
from dualhash.search.ranking.by_posterior import PosteriorSettings, by_posterior
from dualhash.search.ranking.code_table import CodeTable
from dualhash.search.ranking.execute import attribute_weight, make_results, search, search_batch
from dualhash.search.ranking.rank import QueryBatch, RankedIds, SearchScope, rank
from dualhash.search.remote.base import RemoteIndex
from dualhash.search.remote.postgres.client import MOST_CANDIDATES, parse_address
from dualhash.search.remote.postgres.sql_keys import (
    SqlKey,
    distance,
    having,
    posterior_key,
    probability_key,
    weighted_key,
)
from dualhash.search.remote.postgres.table import CODE, IndexTable, TableState, read_bits
from dualhash.search.remote.stored_items import read_item
from dualhash.search.request import SearchOptions, SearchRequest, make_request
from dualhash.search.results import CodedItem, Query, Results, Task
from dualhash.search.storage.header import Header
from dualhash.search.storage.payload_columns import check_field
from dualhash.search.storage.sqlite import ItemNotFoundError

FURTHER = 64
"""Rows that are read beyond the last result, because their order may differ by rounding."""


class PostgresIndex(RemoteIndex):
    """An open table. Use it in a `with` block, or close it.

    It is a copy of an index file: change the file and push it again. The next search sees what was
    pushed.
    """

    def __init__(
        self, table: IndexTable, model: Model | None, ef_search: int | None = None
    ) -> None:
        """Use `Index.open`, or `open_table`; with `ef_search`, nearest items are approximate."""
        self._table = table
        self._model = model
        self._ef_search = ef_search

    def close(self) -> None:
        """Closes the connection; a second call does nothing."""
        self._table.close()

    def __len__(self) -> int:
        ((count,),) = self._table.rows(f"SELECT count(*) FROM {self._table.name}")
        return int(count)

    def _state(self) -> TableState:
        state = self._table.state()
        if state is None:
            raise self._table.no_index()
        return state

    @cached_property
    def header(self) -> Header:
        """The properties that all codes share.

        Raises:
            DualhashError: The table is missing, or has a newer format.
        """
        return self._state().header

    @property
    def model(self) -> Model:
        """The model that made the codes, opened when it is first needed.

        Raises:
            DualhashError: It was moved or replaced.
        """
        if self._model is None:
            self._model = find_model(self._table.address, self.header)
        return self._model

    def search(self, query: QueryLike | None = None, **options: Unpack[SearchOptions]) -> Results:
        """Returns what `Index.search` returns for the index file that was pushed.

        With `ef_search`, searches by distance may miss items, and order ties by id only among
        those that were found.

        Raises:
            DualhashError: As for `Index.search`; or the server cannot be used.
        """
        prefers = self.header.prefers_posterior
        request = make_request(options)
        return search(self, self._search_resolved, query, request, posterior=prefers)

    def search_batch(
        self, queries: Iterable[QueryLike], **options: Unpack[SearchOptions]
    ) -> Iterator[Results | Failure]:
        """Yields what `search` returns for each query, or why it cannot be used."""
        prefers = self.header.prefers_posterior
        request = make_request(options)
        return search_batch(self, self._search_resolved, queries, request, posterior=prefers)

    def reading(self) -> AbstractContextManager[None]:
        """Shows one state of the table: a push during the block is not seen in it."""
        return self._table.transaction()

    def get(self, item: int) -> CodedItem:
        """Returns the item with an id, with its code.

        Raises:
            ItemNotFoundError: No item has this id.
        """
        sql = f"SELECT {CODE}::text, item::text FROM {self._table.name} WHERE id = %s"
        for code, description in self._table.rows(sql, item):
            stored = read_item(item, description, self.header.attribute_head.names)
            return CodedItem(**vars(stored), code=read_bits([code], self.header.bits)[0])
        raise ItemNotFoundError(f"{self._table.address} has no item with the id {item}.")

    def _search_resolved(
        self, queries: Sequence[Query | None], request: SearchRequest, task: Task
    ) -> list[Results]:
        """Returns the results of each query, as `search` describes."""
        fields = self._state().fields
        for field, text in request.filter.items():
            check_field(field, fields)
            sql = f"SELECT 1 FROM {self._table.name} WHERE facts @> %s::jsonb LIMIT 1"
            if not self._table.rows(sql, _fact(field, text)):
                raise DualhashError(f"No item has {field}={text!r}.")
        return [self._search(query, request, task) for query in queries]

    def _search(self, query: Query | None, request: SearchRequest, task: Task) -> Results:
        header = self.header
        head, calibration = header.calibrated_attribute_head, header.calibration
        predicates = choose(head, request, query, calibration)
        weight = attribute_weight(request, task, calibration.attribute_weight)
        where = _Where(query, request, having(predicates, header) if task == "combined" else [])
        if query is not None and task in ("category", "combined"):
            ranked, codes = self._by_distance(query, request, where)
        else:
            ranked, codes = self._by_key(query, request, task, predicates, where, weight=weight)
        descriptions = self._table.descriptions(ranked.ids.tolist())
        names = header.attribute_head.names
        items = {item: read_item(item, text, names) for item, text in descriptions.items()}
        return make_results(
            task,
            request,
            query,
            predicates,
            ranked,
            compared_bits=header.compared_bits,
            codes=codes,
            items=items,
            attribute_weight=weight,
        )

    def _rows(
        self, key: str, where: "_Where", rest: str
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.float64]]:
        """Returns ids (m,), packed codes (m, k/8) and keys (m,) of the rows of a query."""
        sql = f"SELECT id, {CODE}::text, {key} AS key FROM {self._table.name} WHERE {where.sql}"
        rows = self._table.rows(f"{sql} {rest}", *where.values)
        ids, codes, keys = zip(*rows, strict=True) if rows else ((), (), ())
        packed = read_bits(codes, self.header.bits)
        return np.array(ids, np.int64), packed, np.array(keys, np.float64)

    def _matched(self, where: "_Where") -> int:
        sql = f"SELECT count(*) FROM {self._table.name} WHERE {where.sql}"
        ((matched,),) = self._table.rows(sql, *where.values)
        return int(matched)

    def _by_distance(
        self, query: Query, request: SearchRequest, where: "_Where"
    ) -> tuple[RankedIds, NDArray[np.uint8]]:
        """Ranks by distance: whole numbers, which PostgreSQL orders exactly.

        The sum with 0 keeps PostgreSQL from using an approximate index.
        """
        far = distance(query.code, self.header)
        if request.radius is not None:
            where.conditions.append(f"{far} <= {request.radius}")
        if self._ef_search is None:
            limits = f"ORDER BY key, id LIMIT {request.k} OFFSET {request.offset}"
            ids, codes, keys = self._rows(f"{far} + 0", where, limits)
        else:
            candidates = min(max(self._ef_search, request.last), MOST_CANDIDATES)
            self._table.rows(
                "SELECT set_config('hnsw.ef_search', %s, true), "
                "set_config('hnsw.iterative_scan', 'strict_order', true)",
                str(candidates),
            )
            ids, codes, keys = self._rows(far, where, f"ORDER BY {far} LIMIT {request.last}")
            order = np.lexsort((ids, keys))[request.offset :]
            ids, codes, keys = ids[order], codes[order], keys[order]
        ranked = RankedIds(ids, self._matched(where), distances=keys.astype(np.int64))
        return ranked, codes

    def _by_key(
        self,
        query: Query | None,
        request: SearchRequest,
        task: Task,
        predicates: AttributePredicates,
        where: "_Where",
        *,
        weight: float | None,
    ) -> tuple[RankedIds, NDArray[np.uint8]]:
        """Ranks by a key that PostgreSQL rounds otherwise than the index file.

        So PostgreSQL finds all rows that can be among the best, and these are ranked as the codes
        of an index file are.
        """
        settings = None
        if task == "posterior":
            settings = PosteriorSettings.of(self.header, request.category)
            key = posterior_key(query, predicates, settings, self.header)
        elif task == "weighted":
            assert query is not None
            key = weighted_key(query, predicates, weight or 0.0, self.header)
        else:
            key = probability_key(predicates, self.header)
        ids, codes = self._candidates(key, request.last, where)
        empty = CodeTable.empty(self.header.bits, self.header.ranking_bits)
        table = empty.extended([(ids, codes)])
        scope = SearchScope(table, table.codes.existing, request.last, offset=request.offset)
        batch = QueryBatch.of([None if query is None else replace(query, id=None)])
        if settings is None:
            (ranked,) = rank(task, batch, predicates, scope, weight or 0.0)
        else:
            (ranked,) = by_posterior(batch, predicates, scope, settings)
        return replace(ranked, matched=self._matched(where)), table.codes_of(ranked.ids)

    def _candidates(
        self, key: SqlKey, last: int, where: "_Where"
    ) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Returns ids, ascending, and codes of all rows that can be among the best `last`."""
        limit = last + FURTHER
        while True:
            rest = f"ORDER BY key LIMIT {limit}"
            ids, codes, keys = self._rows(key.limited, where, rest)
            if len(ids) < limit:
                break
            margin = 2 * key.error * (1 + max(abs(keys[last - 1]), abs(keys[-1])))
            if keys[-1] - keys[last - 1] > margin and keys[last - 1] < key.highest:
                break
            limit *= 4
        order = np.argsort(ids)
        return ids[order], codes[order]


class _Where:
    """The conditions that all matching rows meet, at any distance."""

    def __init__(self, query: Query | None, request: SearchRequest, conditions: list[str]) -> None:
        self.conditions = ["true", *conditions, *["facts @> %s::jsonb"] * len(request.filter)]
        self.values = [_fact(*fact) for fact in request.filter.items()]
        if request.ids is not None:
            low, high = request.ids
            self.conditions.append(f"id >= {low} AND id < {high}")
        if query is not None and query.id is not None:
            self.conditions.append(f"id <> {query.id}")

    @property
    def sql(self) -> str:
        return " AND ".join(self.conditions)


def _fact(field: str, text: str) -> str:
    """Returns the JSON for `facts @> …` that only items with this value of a field contain."""
    return json.dumps({field: text})


def open_table(uri: str, model: Model | None = None) -> PostgresIndex:
    """Opens a table that `dualhash index push` has filled.

    Args:
        uri: Its address, as `parse_address` reads it.
        model: The model that made its codes; needed for image queries if the model was moved.

    Raises:
        DualhashError: The server does not respond; or the table is missing, has a newer format, or
            its codes were made by another model.
    """
    address = parse_address(uri)
    table = IndexTable(address)
    index = PostgresIndex(table, model, address.ef_search)
    try:
        header = index.header
        if model:
            check_model(table.address, header, model)
    except BaseException:
        index.close()
        raise
    return index
