"""An index of codes in memory, without labels and files, for exact search by Hamming distance."""

import os
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.files import not_readable, write_whole
from dualhash.search import clustering
from dualhash.search.clustered_codes import ClusteredCodes, centres_of
from dualhash.search.codes_from_elsewhere import packed_codes
from dualhash.search.kernels import CodeMatrix
from dualhash.search.kernels.clusters import Clusters, cluster, draw_sample

FORMAT = 1
"""The format of files that this version writes, and the only one that it reads."""

NO_ID, NO_DISTANCE = -1, np.iinfo(np.int32).max
"""What fills the results of a query that finds fewer than k codes, as with FAISS."""


class HammingIndex:
    """Codes of k bits with ids, in memory.

    Searches are exact: their results are ordered by (distance, id). Most codes are not read if the
    codes lie in clumps, as learned codes do; no search has to be tuned. Calls that change the index
    must not run at the same time as others.

    Attributes:
        bits: Length k of the codes.
    """

    def __init__(
        self,
        codes: NDArray[np.uint8] | NDArray[np.bool_],
        ids: NDArray[np.integer] | None = None,
    ) -> None:
        """Copies n codes.

        Args:
            codes: (n, k/8) uint8, packed as by `numpy.packbits`, or (n, k) bool; n may be 0.
            ids: (n,) integers, 0 or more and all different; 0 to n - 1 by default.

        Raises:
            DualhashError: Codes or ids have another shape or dtype, or an id is repeated.
        """
        packed = packed_codes(codes)
        self.bits = 8 * packed.shape[1]
        self._codes = ClusteredCodes.of(CodeMatrix.of(packed[:0]), np.empty(0, np.int64))
        self._ordered = 0
        self.add(packed, ids)

    def __len__(self) -> int:
        return self._codes.count

    @property
    def ids(self) -> NDArray[np.int64]:
        """The ids (n,), ascending."""
        return np.sort(self._codes.ids[self._codes.positions()].astype(np.int64))

    def add(
        self,
        codes: NDArray[np.uint8] | NDArray[np.bool_],
        ids: NDArray[np.integer] | None = None,
    ) -> NDArray[np.int64]:
        """Adds n codes and returns their ids (n,).

        Args:
            codes: As for `HammingIndex`.
            ids: Likewise; by default they follow the largest id so far.

        Raises:
            DualhashError: As for `HammingIndex`, or an id is in the index; then nothing is added.
        """
        packed = self._checked(codes)
        new = self._new_ids(len(packed), ids)
        self._codes = self._codes.extended(packed, new)
        if clustering.much_added(self._codes.matrix.count - self._ordered, self._ordered):
            self._put_in_order()
        return new

    def remove(self, ids: NDArray[np.integer]) -> None:
        """Removes the codes with these ids.

        Raises:
            DualhashError: An id is not in the index; then nothing is removed.
        """
        wanted = np.unique(_as_ids(ids))
        positions = self._positions_of(wanted)
        missing = np.setdiff1d(wanted, self._codes.ids[positions])
        if len(missing):
            raise DualhashError(f"There is no code with the id {missing[0]}.")
        self._codes = self._codes.without(positions)
        if 2 * len(self) < self._codes.matrix.count:
            self._put_in_order()

    def search(
        self, queries: NDArray[np.uint8] | NDArray[np.bool_], k: int, *, threads: int | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Returns the k nearest codes of each of Q queries, by (distance, id).

        Args:
            queries: (Q, k/8) uint8, packed, or (Q, k) bool.
            k: At least 1.
            threads: Number of threads; one per core by default.

        Returns:
            Distances (Q, k) int32 and ids (Q, k) int64. If there are fewer than k codes, the
            distance 2^31 - 1 and the id -1 fill the rest.

        Raises:
            DualhashError: The queries have another shape or dtype, or k is below 1.
        """
        packed, threads = self._checked(queries), threads or os.cpu_count() or 1
        if k < 1:
            raise DualhashError(f"The number of results k must be at least 1, not {k}.")
        distances = np.full((len(packed), k), NO_DISTANCE, np.int32)
        ids = np.full((len(packed), k), NO_ID, np.int64)
        nearest = self._codes.nearest(packed, k, threads)
        distances[:, : len(self)], ids[:, : len(self)] = nearest
        return distances, ids

    def range_search(
        self,
        queries: NDArray[np.uint8] | NDArray[np.bool_],
        radius: int,
        *,
        threads: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """Returns all codes at a distance of at most `radius` from each of Q queries.

        Args:
            queries: (Q, k/8) uint8, packed, or (Q, k) bool.
            radius: At least 0. FAISS returns only codes that are nearer than its radius.
            threads: Number of threads; one per core by default.

        Returns:
            Limits (Q + 1,) int64, distances (m,) int32 and ids (m,) int64. Those of query i are at
            limits[i] to limits[i + 1], ordered by (distance, id).

        Raises:
            DualhashError: The queries have another shape or dtype, or the radius is below 0.
        """
        packed, threads = self._checked(queries), threads or os.cpu_count() or 1
        if radius < 0:
            raise DualhashError(f"The radius must be at least 0, not {radius}.")
        found = [self._codes.within(query, radius, threads) for query in packed]
        limits = np.cumsum([0, *(len(ids) for _, ids in found)], dtype=np.int64)
        distances = [np.empty(0, np.int32), *(far for far, _ in found)]
        return (
            limits,
            np.concatenate(distances),
            np.concatenate([np.empty(0, np.int64), *(ids for _, ids in found)]),
        )

    def save(self, path: Path | str) -> None:
        """Writes the index to an `.npz` file in one step.

        Raises:
            DualhashError: The file cannot be written; an existing one is unchanged.
        """
        if len(self) < self._codes.matrix.count:
            self._put_in_order()
        kept, content = self._codes, BytesIO()
        arrays: dict[str, Any] = {
            "format": np.array(FORMAT),
            "codes": kept.matrix.codes(kept.positions()),
            "ids": kept.ids.astype(np.int64),
            **kept.clusters._asdict(),
        }
        np.savez(content, **arrays)
        write_whole(Path(path), content.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Reads a file that `save` wrote.

        Raises:
            DualhashError: The file is missing, damaged, or of another kind or format.
        """
        damaged = f"{path} is not a file that HammingIndex.save wrote, or it is damaged."
        try:
            with np.load(path, allow_pickle=False) as file:
                format, codes, ids = int(file["format"]), file["codes"], file["ids"]
                clusters = Clusters(*(file[name] for name in Clusters._fields))
        except FileNotFoundError as error:
            raise DualhashError(f"{path} does not exist.") from error
        except PermissionError as error:
            raise DualhashError(not_readable(path)) from error
        except Exception as error:  # numpy raises many kinds of error for damaged files
            raise DualhashError(damaged) from error
        if format > FORMAT:
            raise DualhashError(
                f"{path} has format {format}; this version of dualhash reads format {FORMAT}. "
                "Upgrade dualhash."
            )
        if len(ids) != len(codes) or not clusters.fit(codes):
            raise DualhashError(damaged)
        index = cls(codes[:0])
        index._codes = ClusteredCodes.of(CodeMatrix.of(codes), ids, clusters)
        index._ordered = index._codes.in_clusters or len(codes)
        return index

    def to_faiss(self) -> Any:  # noqa: ANN401 - faiss has no types
        """Returns a `faiss.IndexBinaryIDMap2` of the same codes and ids.

        Raises:
            DualhashError: The package faiss is not installed.
        """
        faiss = _faiss("HammingIndex.to_faiss")
        index = faiss.IndexBinaryIDMap2(faiss.IndexBinaryFlat(self.bits))
        positions = self._codes.positions()
        ids = self._codes.ids[positions].astype(np.int64)
        index.add_with_ids(self._codes.matrix.codes(positions), ids)
        return index

    @classmethod
    def from_faiss(cls, index: Any) -> Self:  # noqa: ANN401 - faiss has no types
        """Copies a `faiss.IndexBinaryFlat`, or one in a `faiss.IndexBinaryIDMap` with its ids.

        Raises:
            DualhashError: It is an index of another type, or the package faiss is not installed.
        """
        faiss, ids = _faiss("HammingIndex.from_faiss"), None
        if isinstance(index, faiss.IndexBinaryIDMap):
            ids, index = (
                faiss.vector_to_array(index.id_map),
                faiss.downcast_IndexBinary(index.index),
            )
        if not isinstance(index, faiss.IndexBinaryFlat):
            raise DualhashError(
                f"An index of the type {type(index).__name__} cannot be copied; use an "
                "IndexBinaryFlat, or an IndexBinaryIDMap of one."
            )
        codes = faiss.vector_to_array(index.xb).reshape(-1, index.code_size)
        return cls(codes, ids)

    def _checked(self, codes: NDArray[np.uint8] | NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Returns packed codes of the length of those of the index."""
        packed = packed_codes(codes)
        if 8 * packed.shape[1] != self.bits:
            raise DualhashError(
                f"The index holds codes of {self.bits} bits, {self.bits // 8} bytes each as uint8; "
                f"these have {8 * packed.shape[1]} bits."
            )
        return packed

    def _new_ids(self, count: int, ids: NDArray[np.integer] | None) -> NDArray[np.int64]:
        largest = int(self._codes.ids.max()) if len(self._codes.ids) else -1
        if ids is None:
            return np.arange(largest + 1, largest + 1 + count)
        new = _as_ids(ids)
        if len(new) != count:
            raise DualhashError(f"There are {count} codes, but {len(new)} ids.")
        if len(np.unique(new)) < count:
            raise DualhashError("An id is given more than once.")
        if count and new.min() <= largest and len(known := self._positions_of(new)):
            raise DualhashError(f"There is a code with the id {self._codes.ids[known[0]]} already.")
        return new

    def _positions_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the positions of those of some ids that are in the index, in any order."""
        positions = self._codes.positions()
        return positions[np.isin(self._codes.ids[positions], ids)]

    def _put_in_order(self) -> None:
        """Clusters the codes, if that helps searches, and forgets those that were removed."""
        kept, threads = self._codes, os.cpu_count() or 1
        positions = kept.positions()
        positions = positions[np.argsort(kept.ids[positions])]
        codes, ids = kept.matrix.codes(positions), kept.ids[positions]
        clusters, order = None, np.arange(len(codes))
        centres = codes[:0]
        if len(codes) > clustering.FEWEST:
            centres = centres_of(codes[draw_sample(len(codes))], len(codes), threads)
        if len(centres):
            clusters, order = cluster(codes, centres, threads)
        self._codes = ClusteredCodes.of(CodeMatrix.of(codes[order]), ids[order], clusters)
        self._ordered = len(codes)


def _faiss(work: str) -> Any:  # noqa: ANN401 - faiss has no types
    try:
        return import_module("faiss")
    except ModuleNotFoundError as error:
        raise DualhashError(f"{work} needs the package faiss: pip install faiss-cpu.") from error


def _as_ids(ids: NDArray[np.integer]) -> NDArray[np.int64]:
    """Returns ids as int64, (n,).

    Raises:
        DualhashError: They are not integers, not one-dimensional, or negative.
    """
    values = np.asarray(ids)
    if values.ndim != 1 or (values.dtype.kind not in "iu" and len(values)):
        raise DualhashError("Ids are integers of shape (n,).")
    if len(values) and values.min() < 0:
        raise DualhashError(f"An id is 0 or more, not {values.min()}.")
    return values.astype(np.int64)
