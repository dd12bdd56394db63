"""Searches in one index: from what users ask with, to results."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.query import QueryLike, Source, encode_images, resolve
from dualhash.search.request import SearchRequest
from dualhash.search.results import Query, Results

AT_ONCE = 256
"""Queries of a batch that are searched together."""


Answer = Callable[[Sequence[Query | None], SearchRequest], list[Results]]
"""Gives the results of each of several queries, in a block of `Source.reading`."""


class SearchExecutor:
    """Searches in one source."""

    def __init__(self, source: Source, model: Callable[[], Model], answer: Answer) -> None:
        """Takes what opens the model, which is called for image files only, and what answers."""
        self._source = source
        self._model = model
        self._answer = answer

    def one(self, query: QueryLike | None, question: SearchRequest) -> Results:
        """The results of one query.

        Raises:
            DualhashError: See `Index.search`.
        """
        (found,) = self._together([query], question)
        if isinstance(found, Failure):
            raise DualhashError(found.reason)
        return found

    def many(
        self, queries: Iterable[QueryLike], question: SearchRequest
    ) -> Iterator[Results | Failure]:
        """For each query its results, or why it has none."""
        coming, start = iter(queries), 0
        while some := list(islice(coming, AT_ONCE)):
            for found in self._together(some, question):
                yield found if isinstance(found, Results) else replace(found, row=start + found.row)
            start += len(some)

    def _together(
        self, queries: Sequence[QueryLike | None], question: SearchRequest
    ) -> list[Results | Failure]:
        """Images are encoded before a state of the index is held on to."""
        encoded = encode_images(queries, self._model, self._source.header.views)
        usable: dict[int, Query | None] = {}
        found: dict[int, Results | Failure] = {}
        with self._source.reading():
            for row, query in enumerate(queries):
                code = encoded.get(row)
                if isinstance(code, Failure):
                    found[row] = code
                    continue
                try:
                    usable[row] = None if query is None else resolve(query, self._source, code)
                except DualhashError as error:
                    found[row] = Failure(row, str(query), str(error))
            answers = self._answer(list(usable.values()), question)
        found |= zip(usable, answers, strict=True)
        return [found[row] for row in range(len(queries))]
