"""Bounded queues: so much runs at a time, so much may wait, the rest is turned away at once."""

from asyncio import Semaphore
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dualhash.serve.http.errors import Problem


class Lane:
    """A queue for one kind of work.

    Attributes:
        waiting: How many wait now.
    """

    def __init__(self, slots: int, room: int) -> None:
        """Lets `slots` run at a time while at most `room` wait."""
        self._slots = Semaphore(slots)
        self._room = room
        self.waiting = 0

    def check_room(self) -> None:
        """Refuses what would have to wait while as many wait as may.

        Raises:
            Problem: It would.
        """
        if self._slots.locked() and self.waiting >= self._room:
            raise Problem("busy", "Too many requests are waiting; ask again in a moment.")

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Waits for a slot and holds it.

        Raises:
            Problem: As many are waiting as may.
        """
        self.check_room()
        self.waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._slots.release()
