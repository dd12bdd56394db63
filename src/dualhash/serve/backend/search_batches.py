"""Answers searches that wait together in one go, in the thread of the index."""

import asyncio
from asyncio import Future, Task
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.search.remote.messages import QUERY_FIELDS, Search, ServedIndex
from dualhash.serve.backend.loaded_index import LoadedIndex
from dualhash.serve.backend.responses import Answer, Code, answers


@dataclass(eq=False)
class _Job:
    """A search that waits.

    Attributes:
        search: It.
        code: (k/8,) uint8, the code of an uploaded image or vector; None without one.
        options: Its options, to compare.
        answer: What the request waits for.
    """

    search: Search
    code: Code | None
    options: str = field(init=False)
    answer: Future[Answer] = field(init=False)

    def __post_init__(self) -> None:
        self.options = self.search.model_dump_json(exclude=QUERY_FIELDS)
        self.answer = asyncio.get_running_loop().create_future()


Outcomes = list[tuple[_Job, Answer | Exception]]


class SearchBatches:
    """The searches of one index.

    The thread takes what waits when it is free: all searches with the options of the first one. So
    a search alone is not delayed.
    """

    def __init__(self, loaded: LoadedIndex, observe: Callable[[int], object]) -> None:
        """`observe` receives the number of searches of each batch."""
        self._loaded, self._observe = loaded, observe
        self._waiting: deque[_Job] = deque()
        self._scheduled = False
        self._batches: set[Task[None]] = set()

    @property
    def waiting(self) -> int:
        """The number of searches that wait."""
        return len(self._waiting)

    async def answer(self, search: Search, code: Code | None) -> Answer:
        """Returns the answer to a search; `code` is (k/8,) uint8, for an upload or a vector.

        Raises:
            DualhashError: The search is not possible.
        """
        job = _Job(search, code)
        self._waiting.append(job)
        self._schedule()
        return await job.answer

    def _schedule(self) -> None:
        """Makes sure that the thread will look at what waits."""
        if self._waiting and not self._scheduled:
            self._scheduled = True
            batch = asyncio.create_task(self._answer_batch())
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)

    async def _answer_batch(self) -> None:
        for job, outcome in await self._loaded.run(self._take_and_answer):
            if job.answer.done():  # the client has gone
                continue
            if isinstance(outcome, Answer):
                job.answer.set_result(outcome)
            elif isinstance(outcome, DualhashError):
                job.answer.set_exception(self._loaded.public(outcome))
            else:
                job.answer.set_exception(outcome)
        self._schedule()

    def _take_and_answer(self, index: Index) -> Outcomes:
        """Answers the first search and all others with its options, in the thread of the index."""
        self._scheduled = False
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        jobs = [job for job in waiting if job.options == waiting[0].options]
        self._waiting.extendleft(job for job in reversed(waiting) if job not in jobs)
        self._observe(len(jobs))
        searches = [(job.search, job.code) for job in jobs]
        found: Sequence[Answer | Exception]
        try:
            served = ServedIndex(items=len(index), generation=self._loaded.generation)
            self._loaded.items = served.items
            found = answers(index, searches, served, self._loaded.version)
        except Exception as error:  # the requests raise it
            found = [error] * len(jobs)
        return list(zip(jobs, found, strict=True))
