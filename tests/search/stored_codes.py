"""Reads the codes that an index file stores."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.search import Index
from dualhash.search.storage.rows import RowCodec


def stored(index: Index) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Ids and packed codes of all items."""
    parts = list(index.codes())
    if not parts:
        return np.empty(0, np.int64), np.empty((0, index.header.bits // 8), np.uint8)
    ids, codes = zip(*parts, strict=True)
    return np.concatenate(ids), np.concatenate(codes)


def count_block_reads(index: Index) -> list[int]:
    """A list that grows by the first id of each block that the index reads from now on."""
    read: list[int] = []

    class CountingCodec(RowCodec):
        def block(self, row: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
            read.append(row[0])
            return super().block(row)

    records = index.records
    index.records = CountingCodec(
        records.path, records.bits, records.ranking_bits, records.attributes
    )
    return read
