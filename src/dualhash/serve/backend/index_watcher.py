"""The index that is served, and the one that takes its place."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dualhash.errors import DualhashError
from dualhash.search.storage.file import identity
from dualhash.serve.backend.loaded_index import Generation, fingerprint, without_folders
from dualhash.serve.http.errors import Problem

LOOK_SECONDS = 0.5
"""How often the file is looked at."""

logger = logging.getLogger(__name__)


class LiveIndex:
    """The index at a path, whichever file that is.

    Attributes:
        path: Of the file.
        problem: Why the file that is there now is not the one that is served; None where it is.
    """

    def __init__(self, path: Path, model: Path | None) -> None:
        """Nothing is opened before `start`."""
        self.path = path
        self.problem: str | None = None
        self._model = model
        self._current: Generation | None = None
        self._refused: tuple[int, ...] | None = None

    async def start(self) -> None:
        """Opens the index.

        Raises:
            DualhashError: It cannot be opened.
        """
        self._current = await Generation.opened(1, self.path, self._model)

    @property
    def served(self) -> Generation | None:
        """The index as it is now, to look at; `current` keeps it open."""
        return self._current

    async def stop(self) -> None:
        """Closes the index."""
        current, self._current = self._current, None
        if current:
            await current.retire()

    @asynccontextmanager
    async def current(self) -> AsyncIterator[Generation]:
        """The index as it is now; it stays open and the same in this block.

        Raises:
            Problem: The server is starting or stopping.
        """
        if self._current is None:
            raise Problem("index-unusable", "The index is not open.")
        async with self._current.used() as generation:
            yield generation

    async def watch(self) -> None:
        """Follows the file for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.refresh()
            except Exception:
                logger.exception("The index could not be looked at; it will be again.")

    async def refresh(self) -> None:
        """Opens the file that has taken the index's place, if one has.

        Requests under way finish with the old one. Where the new one cannot be opened the old one
        goes on, and `problem` says why.
        """
        old, now = self._current, fingerprint(self.path)
        if old:
            await old.check()
        if now is not None and now == self._refused:
            return
        if old is None or (
            identity(self.path) == old.identity and not await old.overwritten(self.path)
        ):
            self.problem = self._refused = None
            return
        if now is None:
            self._refused = None
            self.problem = f"{self.path.name} was deleted; its items are still served {self._mend}"
            return
        self._refused = now
        try:
            new = await Generation.opened(old.number + 1, self.path, self._model)
        except DualhashError as error:
            logger.warning("The index was replaced by one that cannot be served: %s", error)
            said = str(error).replace(str(self.path), "The file")
            said = without_folders(said, self.path, *filter(None, [self._model]))
            self.problem = (
                f"The index was replaced by one that cannot be served: {said} The earlier one goes "
                f"on {self._mend}"
            )
            return
        self._current, self.problem, self._refused = new, None, None
        await old.retire()

    @property
    def _mend(self) -> str:
        return (
            "until a sound index takes its place, such as that of: dualhash index create "
            f"MODEL PICTURES --out {self.path.name} --replace"
        )
