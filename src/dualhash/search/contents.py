"""What is in an open index: reading it, and changing it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.query import check_codes
from dualhash.search.results import Item, ItemLabels
from dualhash.search.storage import writer as changes
from dualhash.search.storage.header import Header
from dualhash.search.storage.reader import IndexReader
from dualhash.search.storage.rows import IndexState
from dualhash.search.storage.verify import Stats, damages, measure

LAST = 2**63 - 1
"""Above all ids."""


class Contents:
    """The items of an index file, by id. Use it in a `with` block, or close it."""

    def __init__(self, store: IndexReader) -> None:
        """Takes an open file, which it closes."""
        self._store = store

    def close(self) -> None:
        """Closes the file; closing twice does nothing."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._store.state().count

    @property
    def path(self) -> Path:
        """The file."""
        return self._store.path

    @property
    def header(self) -> Header:
        """Bits, views, names, heads, and which model made the codes."""
        return self._store.header

    @property
    def state(self) -> IndexState:
        """Is another one whenever something was added, changed or deleted."""
        return self._store.state()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """All that is changed in this block is one transaction: it is kept whole, or not at all.

        Other programs wait with their changes until the block is left, so keep it short. In such a
        block a change that fails undoes itself alone, where its error is caught.
        """
        with self._store.changing():
            yield

    def add(
        self,
        codes: NDArray[np.uint8],
        images: Sequence[Path | str],
        payloads: Sequence[Mapping[str, Any]] | None = None,
        labels: Sequence[ItemLabels] | None = None,
    ) -> NDArray[np.int64]:
        """Adds n items in one transaction: all of them are kept, or none.

        They are new, whether or not there are items of the same images; `find` tells, and with
        both in a block of `changing` no other program adds them in between.

        Args:
            codes: (n, k/8) uint8, packed.
            images: n paths.
            payloads: n mappings of plain values, kept as JSON; empty by default.
            labels: What is known of the n images; nothing by default. Attributes that the model
                does not know are not kept.

        Returns:
            (n,) int64 ids, ascending, never used before.

        Raises:
            DualhashError: The codes are of another length or the arguments differ in number.
        """
        payloads, labels = self._complete(codes, images, payloads, labels)
        return changes.add(self._store, codes, images, payloads, labels)

    def update(
        self,
        item: int,
        *,
        code: NDArray[np.uint8] | None = None,
        image: Path | str | None = None,
        payload: Mapping[str, Any] | None = None,
        labels: ItemLabels | None = None,
    ) -> None:
        """Replaces what is given of an item; the rest stays, and so does its id.

        Args:
            item: Its id.
            code: (k/8,) uint8, packed.
            image: Path.
            payload: Plain values, kept as JSON.
            labels: What is known of the image.

        Raises:
            DualhashError: There is no such item, or the code is of another length.
        """
        if code is not None:
            check_codes(code, self.header, dimensions=1)
        changes.update(
            self._store, int(item), code=code, image=image, payload=payload, labels=labels
        )

    def replace(
        self,
        ids: Iterable[int],
        codes: NDArray[np.uint8],
        images: Sequence[Path | str],
        payloads: Sequence[Mapping[str, Any]] | None = None,
        labels: Sequence[ItemLabels] | None = None,
    ) -> None:
        """Puts other contents in the place of n items, in one transaction; their ids stay.

        Args:
            ids: n ids, each once.
            codes: As for `add`, like those that follow.
            images: n paths.
            payloads: n mappings.
            labels: What is known of the n images.

        Raises:
            DualhashError: There is no item with one of the ids, one is named twice, the codes are
                of another length or the arguments differ in number; then nothing is replaced.
        """
        payloads, labels = self._complete(codes, images, payloads, labels)
        named = [int(item) for item in ids]
        if not len(set(named)) == len(named) == len(codes):
            raise DualhashError(
                f"{len(codes)} items need {len(codes)} different ids, not {len(set(named))}."
            )
        changes.replace(self._store, codes, images, payloads, labels, ids=named)

    def delete(self, ids: Iterable[int]) -> None:
        """Deletes items in one transaction; their ids are not given to others.

        Raises:
            DualhashError: There is no item with one of the ids; then nothing is deleted.
        """
        changes.delete(self._store, ids)

    def compact(self) -> None:
        """Gives the room of what was deleted back to the disk; ids stay as they are."""
        changes.compact(self._store)

    def stats(self) -> Stats:
        """How much there is, and how much room it takes."""
        return measure(self._store)

    def verify(self) -> tuple[str, ...]:
        """Reads all of the file and returns a sentence for each damage; none where it is sound."""
        return damages(self._store)

    def get(self, item: int) -> tuple[NDArray[np.uint8], Item]:
        """Returns the packed code (k/8,) uint8 of an id and its item.

        Raises:
            DualhashError: No item has this id.
        """
        return self._store.item(int(item))

    def item(self, item: int) -> Item:
        """Returns the item with an id.

        Raises:
            DualhashError: No item has this id.
        """
        return self.get(item)[1]

    def find(self, images: Sequence[Path | str], start: int = 0) -> list[int | None]:
        """For each image file the id of its item; None where there is none.

        An index may hold several items of one image: where it is named for the n-th time, the
        n-th of them is meant. All of the index is read for it, so ask for many at once.

        Args:
            images: Paths.
            start: Items with lower ids are passed over.
        """
        return self._store.find(images, start)

    def items(self, start: int = 0, stop: int | None = None) -> Iterator[Item]:
        """The items with ids from `start` to below `stop` (to the last by default), ascending."""
        yield from self._store.items_between(int(start), LAST if stop is None else int(stop))

    def codes(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        """Ids (n,), ascending, and their packed codes (n, k/8), some at a time."""
        yield from self._store.codes()

    def __iter__(self) -> Iterator[Item]:
        return self.items()

    def _complete(
        self,
        codes: NDArray[np.uint8],
        images: Sequence[Path | str],
        payloads: Sequence[Mapping[str, Any]] | None,
        labels: Sequence[ItemLabels] | None,
    ) -> tuple[Sequence[Mapping[str, Any]], Sequence[ItemLabels]]:
        """Payloads and labels of n codes.

        Raises:
            DualhashError: The codes are of another length or the arguments differ in number.
        """
        check_codes(codes, self.header, dimensions=2)
        payloads = [{}] * len(codes) if payloads is None else payloads
        labels = [ItemLabels()] * len(codes) if labels is None else labels
        counts = {len(codes), len(images), len(payloads), len(labels)}
        if len(counts) > 1:
            raise DualhashError(
                f"There are {len(codes)} codes, {len(images)} images, {len(payloads)} payloads and "
                f"{len(labels)} labels; there must be one of each an item."
            )
        return payloads, labels
