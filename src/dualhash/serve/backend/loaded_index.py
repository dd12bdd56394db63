"""One open index with its model, used from a thread of its own."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Self, TypeVar

from dualhash.codes.model import Model
from dualhash.codes.model_folder import CARD, ENCODER, TENSORS
from dualhash.errors import DualhashError
from dualhash.files import fingerprint
from dualhash.search.index import Index
from dualhash.search.storage.rows import IndexState
from dualhash.search.storage.sqlite import UnusableIndexError

T = TypeVar("T")

logger = logging.getLogger(__name__)


def without_folders(message: str, *paths: Path) -> str:
    """Removes the folders of these paths from a message, so that clients do not see them."""
    folders = {str(path.parent) for path in paths} | {str(path.absolute().parent) for path in paths}
    for folder in sorted(folders - {"."}, key=len, reverse=True):
        message = message.replace(folder + os.sep, "")
    return message


class LoadedIndex:
    """An open index and its model.

    Attributes:
        generation: 1 for the first file that the server opened, 2 for the next one, and so on.
        file: Fingerprint of the file when it was opened.
        version: Identifies this file at this time; part of the addresses of thumbnails.
        index: The index; use it through `run` only.
        model: The model that made the codes; None if it is not available.
        model_problem: Why the model is not available; None if it is.
        items: Number of items at the last search.
        unusable: Why the index cannot be searched now; None if it can.
    """

    def __init__(self, generation: int, path: Path, model_folder: Path | None) -> None:
        """Use `open`, which runs this in the thread of the index."""
        file = fingerprint(path)
        self.generation = generation
        self.file = file or ()
        self.version = sha256(repr(file).encode()).hexdigest()[:16]
        self.index = Index.open(path, model_folder)
        self.model: Model | None = None
        self.model_problem: str | None = None
        self.unusable: str | None = None
        self._model_folder = model_folder
        self._load_model()
        self.items = _first_search(self.index)
        self._written = (fingerprint(path) or ())[2:4]
        self._state = self.index.state
        self._cache: dict[Callable[[Index], Any], tuple[IndexState, Any]] = {}
        self._thread: ThreadPoolExecutor
        self._users = 0
        self._retired = False

    @classmethod
    async def open(cls, generation: int, path: Path, model_folder: Path | None) -> Self:
        """Opens an index and searches it once, which loads all codes into memory.

        Raises:
            DualhashError: The index cannot be opened, or the model is not the one that made it.
        """
        thread = ThreadPoolExecutor(1, "search")
        try:
            loaded = await asyncio.get_running_loop().run_in_executor(
                thread, cls, generation, path, model_folder
            )
        except BaseException:
            thread.shutdown(wait=False)
            raise
        loaded._thread = thread
        return loaded

    async def run(self, work: Callable[[Index], T]) -> T:
        """Returns `work(index)`, run in the thread of the index.

        Raises:
            DualhashError: As raised by `work`, with folders removed from the message.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, self.index)
        except DualhashError as error:
            raise self.public(error) from error

    def public(self, error: DualhashError) -> DualhashError:
        """Returns an error without folders in its message; notes if the index is unusable."""
        message = self._message(error)
        if isinstance(error, UnusableIndexError):
            self.unusable = message
        return type(error)(message)

    async def run_cached(self, work: Callable[[Index], T]) -> T:
        """Returns `work(index)`, computed once for each state of the index.

        Raises:
            DualhashError: As for `run`.
        """

        def cached(index: Index) -> T:
            if work not in self._cache or self._cache[work][0] != index.state:
                self._cache[work] = index.state, work(index)
            result: T = self._cache[work][1]
            return result

        return await self.run(cached)

    async def recover(self) -> None:
        """Tries again to use an index or model that could not be used."""
        if not self.model and self._model_fingerprints() != self._model_files:
            await self.run(lambda _: self._load_model())
        if self.unusable:
            with suppress(UnusableIndexError):
                self.items = await self.run(_first_search)
                self.unusable = None

    async def is_overwritten(self, path: Path) -> bool:
        """Whether another index was copied into the file, which SQLite does not notice.

        After a normal change, this open index and a newly opened one have the same new state.
        """
        written = (fingerprint(path) or ())[2:4]
        if written == self._written:
            return False
        try:
            state, same = await self.run(lambda index: _compare(index, path))
        except DualhashError:
            return True
        if state == self._state or not same:
            return True
        self._written, self._state = written, state
        return False

    async def retire(self) -> None:
        """Closes the index as soon as no request uses it."""
        self._retired = True
        if not self._users:
            await self.run(Index.close)
            self._thread.shutdown(wait=False)

    @asynccontextmanager
    async def in_use(self) -> AsyncIterator[Self]:
        """Keeps the index open in the block."""
        self._users += 1
        try:
            yield self
        finally:
            self._users -= 1
            if self._retired:
                await self.retire()

    def _load_model(self) -> None:
        self._model_files = self._model_fingerprints()
        try:
            self.model, self.model_problem = self.index.model, None
        except DualhashError as error:
            logger.warning("Uploaded images cannot be searched with: %s", error)
            self.model_problem = self._message(error)

    def _model_fingerprints(self) -> list[tuple[int, ...] | None]:
        folder = self.index.header.model_folder
        if folder is None:
            return []
        return [fingerprint(folder / name) for name in (CARD, TENSORS, ENCODER)]

    def _message(self, error: DualhashError) -> str:
        message = str(error).replace(str(self.index.path), "The index")
        folders = [self.index.header.model_folder, self._model_folder]
        return without_folders(message, self.index.path, *filter(None, folders))


def _first_search(index: Index) -> int:
    """Searches for the first item, and returns the number of items."""
    for item in index:
        index.search(item.id, k=1)
        break
    return len(index)


def _compare(index: Index, path: Path) -> tuple[IndexState, bool]:
    """Returns the state of an index, and whether a newly opened one has the same."""
    with Index.open(path) as fresh:
        same = fresh.header.model_hash == index.header.model_hash and fresh.state == index.state
    return index.state, same
