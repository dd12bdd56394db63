"""From questions to results, on a collection of Milvus."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.kernels import joint_probability
from dualhash.search.ranking.attribute_predicates import AttributePredicates, choose
from dualhash.search.ranking.execute import hits
from dualhash.search.ranking.rank import check_task
from dualhash.search.remote.milvus import metadata as notes
from dualhash.search.remote.milvus.collection import CODE, LOGS, MOST, Collection
from dualhash.search.remote.milvus.exact_topk import NOTHING_MORE, Ask, Found, best, within
from dualhash.search.remote.milvus.rows import (
    between,
    having,
    literals_of,
    read_code,
    read_item,
    with_fact,
)
from dualhash.search.request import PRESENT, SearchRequest
from dualhash.search.results import Item, Query, Results
from dualhash.search.storage.header import Header
from dualhash.search.storage.payload_columns import as_text, check_field

MOST_RESULTS = MOST // 2
"""Half of what an answer holds, so that there is room for ties."""

ITEMS_AT_ONCE = 500
"""Items fetched with one request; each may have 64 KB, and an answer 64 MB."""

ROUNDING = 2.0**-23
"""More than float32 takes from a number, or from a sum of two, relative to it."""

SLACK = 1e-12
"""More than float64 takes from the log of a probability."""

SMALLEST = 1e-290
"""Below this float64 does not hold probabilities to 53 bits, and nothing is left out."""


class MilvusSource:
    """The items of a collection, and the answers to questions about them.

    Attributes:
        header: What is known of all the codes.
    """

    def __init__(self, collection: Collection, header: Header) -> None:
        self._collection = collection
        self.header = header

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Milvus has no state to hold on to: each request sees what is there."""
        yield

    def item(self, item: int) -> tuple[NDArray[np.uint8], Item]:
        """The packed code (k/8,) of an id, and what is kept beside it.

        Raises:
            DualhashError: There is no such id.
        """
        rows = self._collection.rows([item], [CODE, "item"])
        if item not in rows:
            raise DualhashError(f"{self._collection.place} has no item with the id {item}.")
        return read_code(rows[item]), read_item(rows[item], self.header.attribute_head.names)

    def answer(self, queries: Sequence[Query | None], question: SearchRequest) -> list[Results]:
        """The results of each of several queries, in their order.

        Raises:
            DualhashError: See `MilvusIndex.search`.
        """
        self._check(question)
        state = notes.read_state(self._collection)
        assert state is not None
        for field, value in question.filter.items():
            check_field(field, state.fields)
            if not self._collection.count(with_fact(field, as_text(value))):
                raise DualhashError(f"No item has {field}={as_text(value)!r}.")
        return [self._one(query, question, state.stop) for query in queries]

    def _check(self, question: SearchRequest) -> None:
        place = self._collection.place
        if question.task == "weighted":
            raise DualhashError(
                f"{place} cannot run weighted searches; search the index file for that."
            )
        if question.threshold != PRESENT:
            raise DualhashError(
                f"{place} only knows which attributes are present at a threshold of {PRESENT}; "
                "search the index file for another."
            )
        if question.last > MOST_RESULTS:
            raise DualhashError(
                f"{place} gives {MOST_RESULTS:,} results at most, not {question.last:,}."
            )

    def _one(self, query: Query | None, question: SearchRequest, stop: int) -> Results:
        conditions = choose(
            self.header.attribute_head,
            want=question.want,
            without=question.without,
            match=question.match,
            code=None if query is None else query.code,
        )
        check_task(question.task, conditions, question.radius, query=query is not None)
        where = self._clauses(query, question, conditions)
        if query is None or question.task == "attribute":
            ids = best(self._by_probability(conditions, where, stop), question.last, stop)
            matched = self._collection.count(" and ".join(where))
        elif question.radius is None:
            ids = best(self._by_distance(query.code, where, stop), question.last, stop)
            matched = self._collection.count(" and ".join(where))
        else:
            near = within(self._by_distance(query.code, where, stop), question.radius, stop)
            ids, matched = near[: question.last], len(near)
        ids = ids[question.offset :]
        items, codes = self._items(ids)
        return Results(
            task=question.task,
            bits=self.header.bits,
            query=query,
            conditions=conditions.values,
            matched=matched,
            hits=hits(items, ids, codes, query, conditions, offset=question.offset),
            threshold=question.threshold,
        )

    def _clauses(
        self, query: Query | None, question: SearchRequest, conditions: AttributePredicates
    ) -> tuple[str, ...]:
        """Expressions that all matching items meet, at any distance."""
        clauses = [with_fact(field, as_text(value)) for field, value in question.filter.items()]
        if question.ids is not None:
            clauses.append(between(*question.ids))
        if question.task == "combined":
            names = self.header.attribute_head.names
            clauses.append(having(literals_of(conditions, names)))
        if query is not None and query.id is not None:
            clauses.append(f"id != {query.id}")
        return tuple(clauses)

    def _by_distance(self, code: NDArray[np.uint8], where: tuple[str, ...], stop: int) -> Ask:
        """Distances are small integers, which Milvus gives exactly."""

        def ask(low: int, high: int, limit: int) -> Found:
            there = _among(where, low, high, stop)
            ids, far = self._collection.best(CODE, code.tobytes(), there, limit)
            return Found(ids, far, far[-1] if len(ids) == limit else NOTHING_MORE)

        return ask

    def _by_probability(
        self, conditions: AttributePredicates, where: tuple[str, ...], stop: int
    ) -> Ask:
        """Inner products are logs of joint probabilities, rounded; these are found from the codes.

        All terms of a sum have one sign, so that its error is bounded relative to it.
        """
        names = self.header.attribute_head.names
        chosen = np.zeros(2 * len(names), np.float32)
        chosen[literals_of(conditions, names)] = 1
        margin = (len(conditions.wanted) + 2) * ROUNDING

        def ask(low: int, high: int, limit: int) -> Found:
            there = _among(where, low, high, stop)
            ids, logs = self._collection.best(LOGS, chosen, there, limit)
            rows = self._collection.rows(ids.tolist(), [CODE])
            codes = self._codes([self._row(rows, item) for item in ids.tolist()])
            scores = conditions.head.code_scores(codes)
            probabilities = joint_probability(scores, conditions.wanted)
            usual = probabilities > SMALLEST
            exact = np.log(probabilities[usual])
            if (np.abs(logs[usual] - exact) > SLACK - margin * exact).any():
                raise DualhashError(
                    f"{self._collection.place} computes inner products more coarsely than float32, "
                    "too coarsely to rank by them exactly."
                )
            beyond = NOTHING_MORE
            if len(ids) == limit:
                highest = logs[-1] - margin * logs[-1] + SLACK
                beyond = -max(float(np.exp(min(highest, 0))), SMALLEST)
            return Found(ids, -probabilities, beyond)

        return ask

    def _items(self, ids: NDArray[np.int64]) -> tuple[dict[int, Item], NDArray[np.uint8]]:
        """What is kept beside the codes of some ids, and the codes (m, k/8)."""
        rows: dict[int, dict[str, Any]] = {}
        for start in range(0, len(ids), ITEMS_AT_ONCE):
            some = ids[start : start + ITEMS_AT_ONCE].tolist()
            rows |= self._collection.rows(some, [CODE, "item"])
        found = [self._row(rows, item) for item in ids.tolist()]
        names = self.header.attribute_head.names
        return {row["id"]: read_item(row, names) for row in found}, self._codes(found)

    def _row(self, rows: Mapping[int, dict[str, Any]], item: int) -> dict[str, Any]:
        if item not in rows:
            raise DualhashError(
                f"{self._collection.place} was changed during the search. Search again."
            )
        return rows[item]

    def _codes(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.uint8]:
        """Packed codes (m, k/8) of rows."""
        codes = np.empty((len(rows), self.header.bits // 8), np.uint8)
        for which, row in enumerate(rows):
            codes[which] = read_code(row)
        return codes


def _among(where: Sequence[str], low: int, high: int, stop: int) -> str:
    """The expression for items that meet all of some and have ids from `low` to below `high`."""
    everything = low == 0 and high == stop
    return " and ".join(where if everything else [*where, between(low, high)])
