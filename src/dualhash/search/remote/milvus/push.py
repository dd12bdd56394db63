"""Copies an index file, or its changes, to a Milvus collection."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Progress
from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.client import parse_address
from dualhash.search.remote.milvus.collection import MAX_ROWS, Collection, connect
from dualhash.search.remote.milvus.metadata import (
    FORMAT,
    CollectionState,
    read_state,
    write_heads,
    write_state,
)
from dualhash.search.remote.milvus.rows import between, make_rows
from dualhash.search.remote.push import PushReport, default_name, send_changes
from dualhash.search.results import Item
from dualhash.search.storage.header import Header
from dualhash.search.storage.reader import IndexReader

REQUEST_BYTES = 8 << 20
"""Approximate size of a request that sends items; Milvus accepts 64 MB."""


def push_to_collection(reader: IndexReader, to: str, progress: Progress | None) -> PushReport:
    """Makes a collection equal to an index file.

    An interrupted push continues where it stopped. Until the first push is complete, the
    collection refuses searches; later pushes become visible item by item.

    Args:
        reader: The file, in a block of `reading`.
        to: A server or a Milvus Lite file, with or without a collection's name, as
            `parse_address` reads it; by default the name of the file.
        progress: Called with the number of items that are done and their total.

    Raises:
        DualhashError: The server cannot be used; or the collection holds codes of another model,
            or was not made by dualhash.
    """
    address = parse_address(to)
    if address.collection is None:
        address = replace(address, collection=default_name(reader.path))
    with closing(connect(address, create=True)) as collection:
        state = _prepare(reader, collection)
        report = send_changes(reader, _Rows(collection), state.stop, str(address), progress)
        write_state(collection, replace(state, complete=True, fields=tuple(reader.fields())))
    return report


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


@dataclass(frozen=True)
class _Rows:
    """The rows of a collection as the target of a push."""

    collection: Collection

    def checksums(self, low: int, high: int) -> dict[int, int]:
        where = between(low, high)
        if high - low <= MAX_ROWS or self.collection.count(where) <= MAX_ROWS:
            return self.collection.checksums(where)
        middle = (low + high) // 2
        return self.checksums(low, middle) | self.checksums(middle, high)

    def put(
        self,
        items: Sequence[Item],
        codes: NDArray[np.uint8],
        descriptions: Sequence[str],
        header: Header,
    ) -> None:
        rows = make_rows(items, codes, descriptions, header)
        texts = 2 * max(len(row["item"].encode()) for row in rows)  # facts are about as long
        row_bytes = texts + codes.shape[1] + 10 * len(header.attribute_head.names)
        size = max(1, REQUEST_BYTES // row_bytes)
        for start in range(0, len(rows), size):
            self.collection.put(rows[start : start + size])

    def delete(self, ids: list[int]) -> None:
        self.collection.delete(ids)
