"""Watches the index file, and loads the new index when the file is replaced."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dualhash.errors import DualhashError
from dualhash.files import fingerprint
from dualhash.serve.backend.loaded_index import LoadedIndex, without_folders
from dualhash.serve.http.errors import ProblemError

POLL_SECONDS = 0.5
"""Time between two looks at the file."""

logger = logging.getLogger(__name__)


class IndexWatcher:
    """The index at a path, whichever file that is at the moment.

    Attributes:
        path: Path of the file.
        current: The index that is served; None before `start` and after `stop`. Requests use it
            through `use`.
        problem: Why the file at the path is not the one that is served; None if it is.
    """

    def __init__(self, path: Path, model_folder: Path | None) -> None:
        """Opens nothing before `start`."""
        self.path = path
        self.problem: str | None = None
        self.current: LoadedIndex | None = None
        self._model_folder = model_folder
        self._refused: tuple[int, ...] | None = None

    @property
    def unusable(self) -> str | None:
        """Why searches cannot be answered; None if they can."""
        return self.current.unusable if self.current else "The index is not open."

    async def start(self) -> None:
        """Opens the index.

        Raises:
            DualhashError: The index cannot be opened.
        """
        self.current = await LoadedIndex.open(1, self.path, self._model_folder)

    async def stop(self) -> None:
        """Closes the index."""
        current, self.current = self.current, None
        if current:
            await current.retire()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[LoadedIndex]:
        """The current index, which stays open in the block even if the file is replaced.

        Raises:
            ProblemError: The server is starting or stopping.
        """
        if self.current is None:
            raise ProblemError("index-unusable", "The index is not open.")
        async with self.current.in_use() as loaded:
            yield loaded

    async def watch(self) -> None:
        """Calls `refresh` forever."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
            except Exception:
                logger.exception("Looking at the index file failed; the server will try again.")

    async def refresh(self) -> None:
        """Loads the file if it was replaced.

        Requests in progress finish with the previous index. If the new file cannot be loaded, the
        previous index stays in service and `problem` says why.
        """
        current, now = self.current, fingerprint(self.path)
        if current is None:
            return
        await current.recover()
        if now is None:
            self._refused = None
            self.problem = (
                f"{self.path.name} was deleted; its items are still served {self._remedy}"
            )
            return
        if now == self._refused:
            return
        if now[:2] == current.file[:2] and not await current.is_overwritten(self.path):
            self.problem = self._refused = None
            return
        self._refused = now
        try:
            loaded = await LoadedIndex.open(current.generation + 1, self.path, self._model_folder)
        except DualhashError as error:
            logger.warning("The new index file cannot be served: %s", error)
            message = str(error).replace(str(self.path), "The file")
            message = without_folders(message, self.path, *filter(None, [self._model_folder]))
            self.problem = (
                f"The new index file cannot be served: {message} The previous index stays in "
                f"service {self._remedy}"
            )
            return
        self.current, self.problem, self._refused = loaded, None, None
        await current.retire()

    @property
    def _remedy(self) -> str:
        return (
            "until the file is replaced by a sound index, for example with: dualhash index create "
            f"MODEL PICTURES --out {self.path.name} --replace"
        )
