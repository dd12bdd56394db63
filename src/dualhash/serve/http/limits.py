"""Limits on what clients may ask for at a time: bounded queues and a rate limit per client."""

import time
from asyncio import Semaphore
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from dualhash.serve.http.errors import ProblemError

MAX_CLIENTS = 10_000
"""Clients that the rate limiter remembers; the least recently seen is forgotten first."""


class BoundedQueue:
    """Runs a limited number of jobs at a time, lets a limited number wait, and refuses the rest.

    Attributes:
        waiting: Jobs that wait now.
    """

    def __init__(self, slots: int, capacity: int) -> None:
        """Runs `slots` jobs at a time while at most `capacity` wait."""
        self._slots = Semaphore(slots)
        self._capacity = capacity
        self.waiting = 0

    def check_capacity(self) -> None:
        """Raises ProblemError `busy` if a new job would have to wait and the queue is full."""
        if self._slots.locked() and self.waiting >= self._capacity:
            raise ProblemError("busy", "Too many requests are waiting; try again in a moment.")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for a slot and holds it in the block.

        Raises:
            ProblemError: `busy`, if the queue is full.
        """
        self.check_capacity()
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._slots.release()


class RateLimiter:
    """Token buckets, one per client address."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Allows `rate` requests per second on average (0: no limit) and `burst` at once."""
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, client: str) -> bool:
        """Counts a request of a client; returns False if the client has made too many."""
        if not self._rate:
            return True
        now = self._clock()
        tokens, updated = self._buckets.pop(client, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - updated) * self._rate)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - allowed, now)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return allowed
