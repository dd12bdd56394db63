"""The index that is served, and the one that takes its place."""

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
from dualhash.errors import DualhashError
from dualhash.search.database import UnusableIndexError
from dualhash.search.index import Index
from dualhash.search.index_file import identity
from dualhash.search.records import State
from dualhash.serve.problems import Problem

T = TypeVar("T")

LOOK_SECONDS = 0.5
"""How often the file is looked at."""

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
        try:
            self.model = self.index.model
        except DualhashError as error:
            logger.warning("Uploaded images cannot be searched with: %s", error)
            self.problem = self._told(error)
        self.items = _trial(self.index)
        self._written, self._held = written(path), self.index.state
        self._state: State | None = None
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

    async def check(self) -> None:
        """Finds out whether an index that could not be used can be used again."""
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


def _compared(index: Index, path: Path) -> tuple[State, bool]:
    """What an index holds, and whether those who open its file now find the same."""
    with Index.open(path) as fresh:
        same = fresh.header.model_hash == index.header.model_hash and fresh.state == index.state
    return index.state, same


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
