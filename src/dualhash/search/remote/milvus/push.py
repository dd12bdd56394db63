"""From an index file to a collection, as often as the file changes."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Progress
from dualhash.errors import DualhashError
from dualhash.search.remote.milvus import metadata as notes
from dualhash.search.remote.milvus.address import MilvusAddress, named_after, parse
from dualhash.search.remote.milvus.collection import MOST, Collection, connect
from dualhash.search.remote.milvus.rows import Fact, between, described, make_rows, row_checksum
from dualhash.search.storage.reader import IndexReader

LOT = 1000
"""Items compared at a time."""

REQUEST_BYTES = 8 << 20
"""Items are sent in requests of about this size; Milvus takes 64 MB."""


@dataclass(frozen=True)
class PushReport:
    """What became of the items.

    Attributes:
        place: Where the collection is.
        added: How many were not there.
        updated: How many were there, but otherwise.
        deleted: How many were there, and are no longer in the index.
        unchanged: How many were there already.
    """

    place: MilvusAddress
    added: int
    updated: int
    deleted: int
    unchanged: int


def push(index: str | Path, to: str, *, progress: Progress | None = None) -> PushReport:
    """Makes a collection hold what an index file holds.

    Only what differs is sent, so a push that was interrupted goes on where it was, and one without
    changes sends nothing. Until the first has come to its end, the collection refuses searches;
    afterwards they see each change as it arrives.

    Args:
        index: An index file; what is added to it meanwhile is left for the next push.
        to: A server or a Milvus Lite file, with or without a collection's name, as
            `place.parse` takes it; the file's own name by default.
        progress: Called with how many items are done and how many there are.

    Raises:
        DualhashError: The file or the server cannot be used, or the collection holds codes of
            another model or is not one of dualhash's.
    """
    place = parse(to)
    if place.collection is None:
        place = replace(place, collection=named_after(Path(index)))
    with (
        closing(IndexReader(Path(index))) as store,
        closing(connect(place, create=True)) as collection,
        store.reading(),
    ):
        return _push(store, collection, progress)


def _push(store: IndexReader, collection: Collection, progress: Progress | None) -> PushReport:
    state = _prepare(store, collection)
    total = store.state().count
    added = updated = deleted = done = low = 0
    for ids, codes in _lots(store):
        high = int(ids[-1]) + 1
        there = _checksums(collection, low, high)
        changed = _send(store, collection, ids, codes, there)
        gone = sorted(there.keys() - set(ids.tolist()))
        if gone:
            collection.delete(gone)
        added += len(changed - there.keys())
        updated += len(changed & there.keys())
        deleted += len(gone)
        done += len(ids)
        low = high
        if progress:
            progress(done, total)
    rest = sorted(_checksums(collection, low, state.stop))
    for start in range(0, len(rest), LOT):
        collection.delete(rest[start : start + LOT])
    deleted += len(rest)
    notes.write_state(collection, replace(state, complete=True, fields=tuple(store.fields())))
    return PushReport(collection.place, added, updated, deleted, total - added - updated)


def _prepare(store: IndexReader, collection: Collection) -> notes.CollectionState:
    """Makes the collection if need be, and remembers what items are about to come."""
    header, place = store.header, collection.place
    state = None
    if collection.has_notes():
        state = notes.read_state(collection)
    elif collection.exists():
        raise DualhashError(
            f"{place} is a collection that dualhash did not make; choose another name."
        )
    if state and state.model_hash != header.model_hash:
        raise DualhashError(
            f"{place} holds codes of another model than {store.path} ({state.bits} bits, model "
            f"{state.model_hash[:12]}, not {header.bits} bits, model {header.model_hash[:12]}). "
            "Push to a collection of another name, or drop this one first."
        )
    collection.make(header.bits, len(header.attribute_head.names))
    collection.check_indexes()
    state = state or notes.write_heads(collection, header)
    state = replace(
        state,
        views=header.views,
        model_folder=str(header.model_folder),
        attribute_weight=header.attribute_weight,
        stop=max(state.stop, store.state().next_id),
        fields=tuple(sorted({*state.fields, *store.fields()})),
    )
    notes.write_state(collection, state)
    return state


def _lots(store: IndexReader) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Ids (n,), ascending, and packed codes (n, k/8) of all items, n at most `LOT`."""
    for ids, codes in store.codes():
        for start in range(0, len(ids), LOT):
            yield ids[start : start + LOT], codes[start : start + LOT]


def _checksums(collection: Collection, low: int, high: int) -> dict[int, int]:
    """Checksums by id of the items that are there, from `low` to below `high`."""
    where = between(low, high)
    if high - low <= MOST or collection.count(where) <= MOST:
        return collection.checksums(where)
    middle = (low + high) // 2
    return _checksums(collection, low, middle) | _checksums(collection, middle, high)


def _send(
    store: IndexReader,
    collection: Collection,
    ids: NDArray[np.int64],
    codes: NDArray[np.uint8],
    there: dict[int, int],
) -> set[int]:
    """Sends those items that are not there as they are here, and returns their ids."""
    items = store.items(ids)
    names = store.header.attribute_head.names
    descriptions = [described(items[item], names) for item in ids.tolist()]
    changed = [
        which
        for which, (item, description) in enumerate(zip(ids.tolist(), descriptions, strict=True))
        if there.get(item) != row_checksum(codes[which], description)
    ]
    if not changed:
        return set()
    facts: dict[int, list[Fact]] = defaultdict(list)
    for item, field, text in store.facts(int(ids[0]), int(ids[-1]) + 1):
        facts[item].append((field, text))
    rows = make_rows(
        [int(ids[which]) for which in changed],
        codes[changed],
        [descriptions[which] for which in changed],
        [facts[int(ids[which])] for which in changed],
        store.header.attribute_head,
    )
    size = _at_once(rows, store)
    for start in range(0, len(rows), size):
        collection.put(rows[start : start + size])
    return {row["id"] for row in rows}


def _at_once(rows: list[dict[str, Any]], store: IndexReader) -> int:
    """How many of these rows fit in a request: facts take about the room of an item's text."""
    header = store.header
    texts = 2 * max(len(row["item"].encode()) for row in rows)
    return max(
        1, REQUEST_BYTES // (texts + header.bits // 8 + 10 * len(header.attribute_head.names))
    )
