"""Copies an index file, or its changes, to a remote index."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Progress
from dualhash.search.remote.stored_items import described, row_checksum
from dualhash.search.results import Item
from dualhash.search.storage.header import Header
from dualhash.search.storage.reader import IndexReader

BATCH = 1000
"""Items compared at a time."""


@dataclass(frozen=True)
class PushReport:
    """What a push has changed.

    Attributes:
        address: URI of the copy, without a password.
        added: Number of items that were missing.
        updated: Number of items that were different.
        deleted: Number of items that are no longer in the index.
        unchanged: Number of items that were up to date.
        recall: Share of the 10 nearest items that an approximate search finds, if it was measured.
    """

    address: str
    added: int
    updated: int
    deleted: int
    unchanged: int
    recall: float | None = None


class PushTarget(Protocol):
    """The rows of a remote index, one per item."""

    def checksums(self, low: int, high: int) -> dict[int, int]:
        """Returns the checksums of all rows with low <= id < high, by id."""

    def put(
        self,
        items: Sequence[Item],
        codes: NDArray[np.uint8],
        descriptions: Sequence[str],
        header: Header,
    ) -> None:
        """Adds n items, or replaces those with the same ids.

        Args:
            items: n items, at most `BATCH`.
            codes: (n, k/8) uint8, packed.
            descriptions: The items as `described` writes them.
            header: That of the index file.
        """

    def delete(self, ids: list[int]) -> None:
        """Deletes rows, at most `BATCH`."""


def push(index: str | Path, to: str, *, progress: Progress | None = None) -> PushReport:
    """Makes a remote index equal to an index file; only differences are sent.

    Args:
        index: An index file; items that are added during the push wait for the next one.
        to: A PostgreSQL database, postgresql://…, or else a Milvus server or Milvus Lite file, as
            the function `parse_address` of each reads it.
        progress: Called with the number of items that are done and their total.

    Raises:
        DualhashError: The file or the server cannot be used; or the server holds codes of another
            model there, or something that was not made by dualhash.
    """
    if to.partition(":")[0] in ("postgresql", "postgres"):
        from dualhash.search.remote.postgres.push import push_to_table as push_to
    else:
        from dualhash.search.remote.milvus.push import push_to_collection as push_to
    with IndexReader(Path(index)) as reader, reader.reading():
        return push_to(reader, to, progress)


def default_name(index: Path) -> str:
    """Returns the name of the copy of an index file if none is given."""
    name = re.sub(r"\W", "_", index.stem, flags=re.ASCII)
    return name if re.match(r"[A-Za-z_]", name) else f"_{name}"


def send_changes(
    reader: IndexReader, target: PushTarget, stop: int, address: str, progress: Progress | None
) -> PushReport:
    """Makes the rows of a target equal to the items of an index file.

    Args:
        reader: The file, in a block of `reading`.
        target: The rows.
        stop: Above the ids of all rows.
        address: URI of the target.
        progress: Called with the number of items that are done and their total.
    """
    total = reader.state.count
    added = updated = deleted = done = low = 0
    for ids, codes in _batches(reader):
        high = int(ids[-1]) + 1
        checksums = target.checksums(low, high)
        sent = _send(reader, target, ids, codes, checksums)
        obsolete = sorted(checksums.keys() - set(ids.tolist()))
        deleted += _delete(target, obsolete)
        added += len(sent - checksums.keys())
        updated += len(sent & checksums.keys())
        done += len(ids)
        low = high
        if progress:
            progress(done, total)
    deleted += _delete(target, sorted(target.checksums(low, stop)))
    return PushReport(address, added, updated, deleted, total - added - updated)


def _batches(reader: IndexReader) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Yields ids (n,), ascending, and packed codes (n, k/8) of all items, n at most `BATCH`."""
    for ids, codes in reader.codes():
        for start in range(0, len(ids), BATCH):
            yield ids[start : start + BATCH], codes[start : start + BATCH]


def _delete(target: PushTarget, ids: list[int]) -> int:
    """Deletes rows and returns their number."""
    for start in range(0, len(ids), BATCH):
        target.delete(ids[start : start + BATCH])
    return len(ids)


def _send(
    reader: IndexReader,
    target: PushTarget,
    ids: NDArray[np.int64],
    codes: NDArray[np.uint8],
    checksums: Mapping[int, int],
) -> set[int]:
    """Sends the items that are missing or different, and returns their ids."""
    items = reader.items_of(ids)
    names = reader.header.attribute_head.names
    descriptions = [described(items[item], names) for item in ids.tolist()]
    changed = [
        which
        for which, (item, description) in enumerate(zip(ids.tolist(), descriptions, strict=True))
        if checksums.get(item) != row_checksum(codes[which], description)
    ]
    sent = ids[changed].tolist()
    if sent:
        chosen = [descriptions[which] for which in changed]
        target.put([items[item] for item in sent], codes[changed], chosen, reader.header)
    return set(sent)
