"""One index that is served, as long as somebody asks it."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from dualhash.codes.model import Model
from dualhash.codes.model_folder import CARD, ENCODER, TENSORS
from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.search.storage.file import identity
from dualhash.search.storage.rows import IndexState
from dualhash.search.storage.sqlite import UnusableIndexError

T = TypeVar("T")

logger = logging.getLogger(__name__)


def fingerprint(path: Path) -> tuple[int, ...] | None:
    """Tells a file from others and from what it was before; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def written(path: Path) -> tuple[int, int] | None:
    """Size of a file and when it was last written to; None where there is none."""
    now = fingerprint(path)
    return None if now is None else (now[2], now[3])


def without_folders(said: str, *paths: Path) -> str:
    """A sentence in which these paths, and what is below them, stand without where they are."""
    folders = {str(path.parent) for path in paths} | {str(path.absolute().parent) for path in paths}
    for folder in sorted(folders - {"."}, key=len, reverse=True):
        said = said.replace(folder + os.sep, "")
    return said


class Generation:
    """An open index and its model.

    Attributes:
        number: Counts the files that have been served.
        identity: Of the file.
        version: Of the file as it was when it was opened; no other has had it.
        index: Used in its own thread only, see `run`.
        model: The model that made its codes; None where it is not to be had.
        problem: Why there is no model; None where there is one.
        items: How many there were when it was last searched.
        unusable: Why it cannot be searched now; None where it can.
    """

    def __init__(self, number: int, path: Path, model: Path | None) -> None:
        """Call it through `opened`."""
        self.number = number
        self.identity = identity(path)
        self.version = sha256(repr(fingerprint(path)).encode()).hexdigest()[:16]
        self.index = Index.open(path, model)
        self.model: Model | None = None
        self.problem: str | None = None
        self.unusable: str | None = None
        self._model = model
        self._look_for_model()
        self.items = _trial(self.index)
        self._written, self._held = written(path), self.index.state
        self._state: IndexState | None = None
        self._known: dict[Callable[[Index], Any], Any] = {}
        self._thread: ThreadPoolExecutor
        self._users = 0
        self._retired = False

    @classmethod
    async def opened(cls, number: int, path: Path, model: Path | None) -> "Generation":
        """Opens an index and searches it once, so that all its codes are in memory.

        Raises:
            DualhashError: It cannot be opened, or is not of the model that is named.
        """
        thread = ThreadPoolExecutor(1, "search")
        try:
            made = await asyncio.get_running_loop().run_in_executor(
                thread, cls, number, path, model
            )
        except BaseException:
            thread.shutdown(wait=False)
            raise
        made._thread = thread
        return made

    async def run(self, work: Callable[[Index], T]) -> T:
        """The result of `work` on the index.

        Raises:
            DualhashError: Whatever `work` raises, without where the files are.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, self.index)
        except DualhashError as error:
            said = self._told(error)
            if isinstance(error, UnusableIndexError):
                self.unusable = said
            raise type(error)(said) from error

    async def known(self, work: Callable[[Index], T]) -> T:
        """The result of `work` on the index, which is done once for each state of it.

        Raises:
            DualhashError: As by `run`.
        """

        def looked_up(index: Index) -> T:
            state = index.state
            if state != self._state:
                self._state = state
                self._known.clear()
            if work not in self._known:
                self._known[work] = work(index)
            result: T = self._known[work]
            return result

        return await self.run(looked_up)

    def _look_for_model(self) -> None:
        """Opens the model, or says why there is none."""
        self._model_files = self._files_of_model()
        try:
            self.model, self.problem = self.index.model, None
        except DualhashError as error:
            logger.warning("Uploaded images cannot be searched with: %s", error)
            self.problem = self._told(error)

    def _files_of_model(self) -> list[tuple[int, ...] | None]:
        folder = self.index.header.model_folder
        return [fingerprint(folder / name) for name in (CARD, TENSORS, ENCODER)]

    async def check(self) -> None:
        """Finds out whether what could not be used can be used again."""
        if not self.model and self._files_of_model() != self._model_files:
            await self.run(lambda _: self._look_for_model())
        if self.unusable:
            with suppress(UnusableIndexError):
                self.items = await self.run(_trial)
                self.unusable = None

    async def overwritten(self, path: Path) -> bool:
        """Whether another index was copied into the file, of which SQLite takes no notice.

        Who adds to an index or deletes from it changes what it says it holds, here as for those
        who open it now.
        """
        now = written(path)
        if now == self._written:
            return False
        try:
            held, same = await self.run(lambda index: _compared(index, path))
        except DualhashError:
            return True
        if held == self._held or not same:
            return True
        self._written, self._held = now, held
        return False

    def _told(self, error: DualhashError) -> str:
        said = str(error).replace(str(self.index.path), "The index")
        models = [self.index.header.model_folder, self._model]
        return without_folders(said, self.index.path, *filter(None, models))

    async def retire(self) -> None:
        """Closes the index when nobody uses it any more."""
        self._retired = True
        if not self._users:
            await self.run(Index.close)
            self._thread.shutdown(wait=False)

    @asynccontextmanager
    async def used(self) -> AsyncIterator["Generation"]:
        """It stays open in this block."""
        self._users += 1
        try:
            yield self
        finally:
            self._users -= 1
            if self._retired:
                await self.retire()


def _trial(index: Index) -> int:
    """Searches for the first item; how many there are."""
    for item in index:
        index.search(item.id, k=1)
        break
    return len(index)


def _compared(index: Index, path: Path) -> tuple[IndexState, bool]:
    """What an index holds, and whether those who open its file now find the same."""
    with Index.open(path) as fresh:
        same = fresh.header.model_hash == index.header.model_hash and fresh.state == index.state
    return index.state, same
