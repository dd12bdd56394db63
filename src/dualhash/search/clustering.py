"""Files the codes of an index under centres, so that searches leave out most of them."""

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dualhash.search.storage import writer
from dualhash.search.storage.reader import IndexReader
from dualhash.search.storage.rows import UNFILED

FEWEST = 1 << 16
"""Fewer codes are not clustered: all are read faster."""

TAIL_SHARE = 1 / 4
"""Codes are clustered again when more than this share was added since the last time."""

GROWTH = 2
"""Centres are learned again when there are so many times more codes."""


def much_added(added: int, count: int) -> bool:
    """Whether codes are put in order again when so many were added to `count` that are."""
    return added > max(FEWEST, TAIL_SHARE * count)


def cluster_added_codes(index: IndexReader) -> None:
    """Clusters the codes of an index if many were added since the last time."""
    if index.has_clusters:
        known, state = index.centres(), index.state
        added = state.next_id - known.next_id
        if much_added(min(added, state.count), max(state.count - added, 0)):
            cluster_codes(index, again=state.count > GROWTH * known.count)


def cluster_codes(index: IndexReader, *, again: bool = True) -> None:
    """Clusters the codes of an index, in one transaction, unless nothing has changed.

    Files of older formats are brought into the present one.

    Args:
        index: The index.
        again: Whether to learn new centres. Otherwise only codes in no cluster are filed.
    """
    with index.connection.changing():
        index.connection.upgrade()
        known, state = index.centres(), index.state
        if (known.edition, known.next_id) == (state.edition, state.next_id):
            return
        centres = _learned(index, state.count) if again else known.codes
        count = state.count if again else known.count
        if again:
            index.connection.execute("DELETE FROM clusters")
        if len(centres):
            _file_blocks(index, centres)
        writer.write_centres(index, count, centres, moved=bool(len(centres) + len(known.codes)))


def _learned(index: IndexReader, count: int) -> NDArray[np.uint8]:
    """Returns centres for the codes of an index; none if searches would be no faster."""
    if count <= FEWEST:
        return index.centres().codes[:0]
    from dualhash.search.clustered_codes import centres_of
    from dualhash.search.kernels.clusters import draw_sample

    rows = draw_sample(count)
    order, drawn, start = np.argsort(rows), [], 0
    for _, codes in _compared(index):
        first, last = np.searchsorted(rows[order], [start, start + len(codes)])
        drawn.append(codes[rows[order[first:last]] - start])
        start += len(codes)
    sample = np.empty_like(np.concatenate(drawn))
    sample[order] = np.concatenate(drawn)
    return centres_of(sample, count, os.cpu_count() or 1)


def _file_blocks(index: IndexReader, centres: NDArray[np.uint8]) -> None:
    """Files all codes that are in no cluster."""
    from dualhash.search.kernels.clusters import file_codes

    for ids, codes in _compared(index):
        filed = index.block_filed(int(ids[0]), len(ids)).copy()
        new = filed[:, 0] == UNFILED
        if new.any():
            filed[new] = file_codes(codes[new], centres, os.cpu_count() or 1)
            writer.write_filed(index, int(ids[0]), filed)


def _compared(index: IndexReader) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Yields ids (n,) and the ranking bits of their codes by block."""
    for ids, codes in index.codes():
        yield ids, np.ascontiguousarray(codes[:, : index.header.compared_bits // 8])
