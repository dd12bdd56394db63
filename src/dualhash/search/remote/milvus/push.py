"""Copies an index file, or its changes, to a Milvus collection."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Progress
from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.client import (
    MilvusAddress,
    default_collection,
    parse_address,
)
from dualhash.search.remote.milvus.collection import MAX_ROWS, Collection, connect
from dualhash.search.remote.milvus.metadata import (
    FORMAT,
    CollectionState,
    read_state,
    write_heads,
    write_state,
)
from dualhash.search.remote.milvus.rows import between, described, make_rows, row_checksum
from dualhash.search.storage.reader import IndexReader

BATCH = 1000
"""Items compared at a time."""

REQUEST_BYTES = 8 << 20
"""Approximate size of a request that sends items; Milvus accepts 64 MB."""


@dataclass(frozen=True)
class PushReport:
    """What a push has changed.

    Attributes:
        address: The collection.
        added: Number of items that were missing.
        updated: Number of items that were different.
        deleted: Number of items that are no longer in the index.
        unchanged: Number of items that were up to date.
    """

    address: MilvusAddress
    added: int
    updated: int
    deleted: int
    unchanged: int


def push(index: str | Path, to: str, *, progress: Progress | None = None) -> PushReport:
    """Makes a collection equal to an index file.

    Only differences are sent, so an interrupted push continues where it stopped. Until the first
    push is complete, the collection refuses searches; later pushes become visible item by item.

    Args:
        index: An index file; items that are added during the push wait for the next one.
        to: A server or a Milvus Lite file, with or without a collection's name, as
            `parse_address` reads it; by default the name of the file.
        progress: Called with the number of items that are done and their total.

    Raises:
        DualhashError: The file or the server cannot be used; or the collection holds codes of
            another model, or was not made by dualhash.
    """
    address = parse_address(to)
    if address.collection is None:
        address = replace(address, collection=default_collection(Path(index)))
    with (
        IndexReader(Path(index)) as reader,
        closing(connect(address, create=True)) as collection,
        reader.reading(),
    ):
        return _push(reader, collection, progress)


def _push(reader: IndexReader, collection: Collection, progress: Progress | None) -> PushReport:
    state = _prepare(reader, collection)
    total = reader.state.count
    added = updated = deleted = done = low = 0
    for ids, codes in _batches(reader):
        high = int(ids[-1]) + 1
        checksums = _checksums(collection, low, high)
        sent = _send(reader, collection, ids, codes, checksums)
        obsolete = sorted(checksums.keys() - set(ids.tolist()))
        if obsolete:
            collection.delete(obsolete)
        added += len(sent - checksums.keys())
        updated += len(sent & checksums.keys())
        deleted += len(obsolete)
        done += len(ids)
        low = high
        if progress:
            progress(done, total)
    rest = sorted(_checksums(collection, low, state.stop))
    for start in range(0, len(rest), BATCH):
        collection.delete(rest[start : start + BATCH])
    deleted += len(rest)
    write_state(collection, replace(state, complete=True, fields=tuple(reader.fields())))
    return PushReport(collection.address, added, updated, deleted, total - added - updated)


def _prepare(reader: IndexReader, collection: Collection) -> CollectionState:
    """Creates the collection if it is missing, and writes its state before items are sent."""
    header, address = reader.header, collection.address
    state = None
    if collection.has_metadata():
        state = read_state(collection)
    elif collection.exists():
        raise DualhashError(
            f"{address} is a collection that dualhash did not create; choose another name."
        )
    if state and state.model_hash != header.model_hash:
        raise DualhashError(
            f"{address} holds codes of another model than {reader.path} ({state.bits} bits, model "
            f"{state.model_hash[:12]}, not {header.bits} bits, model {header.model_hash[:12]}). "
            "Push to a collection of another name, or drop this one first."
        )
    attributes = len(header.attribute_head.names)
    collection.create(header.bits, header.compared_bits, attributes)
    collection.check_indexes()
    if state and state.format == FORMAT:
        parts, checksum = state.parts, state.checksum
    else:
        parts, checksum = write_heads(collection, header)
    state = CollectionState(
        bits=header.bits,
        views=header.views,
        model_hash=header.model_hash,
        model_folder=str(header.model_folder or ""),
        calibration=header.calibration,
        ranking_bits=header.ranking_bits,
        parts=parts,
        checksum=checksum,
        complete=state is not None and state.complete,
        stop=max(state.stop if state else 0, reader.state.next_id),
        fields=tuple(sorted({*(state.fields if state else ()), *reader.fields()})),
    )
    write_state(collection, state)
    return state


def _batches(reader: IndexReader) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Yields ids (n,), ascending, and packed codes (n, k/8) of all items, n at most `BATCH`."""
    for ids, codes in reader.codes():
        for start in range(0, len(ids), BATCH):
            yield ids[start : start + BATCH], codes[start : start + BATCH]


def _checksums(collection: Collection, low: int, high: int) -> dict[int, int]:
    """Returns checksums by id of the collection's items with low <= id < high."""
    where = between(low, high)
    if high - low <= MAX_ROWS or collection.count(where) <= MAX_ROWS:
        return collection.checksums(where)
    middle = (low + high) // 2
    return _checksums(collection, low, middle) | _checksums(collection, middle, high)


def _send(
    reader: IndexReader,
    collection: Collection,
    ids: NDArray[np.int64],
    codes: NDArray[np.uint8],
    checksums: dict[int, int],
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
    if not changed:
        return set()
    rows = make_rows(
        [items[int(ids[which])] for which in changed],
        codes[changed],
        [descriptions[which] for which in changed],
        reader.header,
    )
    header = reader.header
    texts = 2 * max(len(row["item"].encode()) for row in rows)  # facts are about as long as items
    row_bytes = texts + header.bits // 8 + 10 * len(header.attribute_head.names)
    size = max(1, REQUEST_BYTES // row_bytes)
    for start in range(0, len(rows), size):
        collection.put(rows[start : start + size])
    return {row["id"] for row in rows}
