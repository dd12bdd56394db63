"""A collection of Milvus: its fields, and what is asked of it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.address import MilvusAddress
from dualhash.search.remote.milvus.client import milvus_errors, open_client

if TYPE_CHECKING:
    from pymilvus import CollectionSchema, MilvusClient

MOST = 16_384
"""Rows that Milvus gives back at once, at most."""

LONGEST = 65_535
"""Bytes that Milvus keeps in a text, at most."""

LONGEST_WAIT = 120.0
"""Seconds to wait for one request."""

CODE, LOGS = "code", "log_probabilities"

EXACT_INDEXES = {CODE: ("BIN_FLAT", "HAMMING"), LOGS: ("FLAT", "IP")}
"""Field: the index that finds all there is, and how it measures."""

NOTES_SUFFIX = "_dualhash"
"""Of the collection beside each, which holds what is known of all its codes."""


class Collection:
    """An open collection and the one of notes beside it.

    Attributes:
        place: Where it is, with its name.
    """

    def __init__(self, client: "MilvusClient", place: MilvusAddress) -> None:
        self._client = client
        self.place = place
        self._name = place.collection or ""

    @property
    def _notes(self) -> str:
        return self._name + NOTES_SUFFIX

    def close(self) -> None:
        """Closes the connection; closing twice does nothing."""
        self._client.close()

    def exists(self) -> bool:
        """Whether there is a collection of this name."""
        with milvus_errors(self.place):
            return bool(self._client.has_collection(self._name, timeout=LONGEST_WAIT))

    def has_notes(self) -> bool:
        """Whether there are notes; a collection without them is not dualhash's."""
        with milvus_errors(self.place):
            return bool(self._client.has_collection(self._notes, timeout=LONGEST_WAIT))

    def make(self, bits: int, attributes: int) -> None:
        """Makes the collection and its notes, or what is missing of them.

        Args:
            bits: k.
            attributes: p.
        """
        from pymilvus import DataType, MilvusClient

        notes = MilvusClient.create_schema()
        notes.add_field("id", DataType.INT64, is_primary=True)
        notes.add_field(CODE, DataType.BINARY_VECTOR, dim=8)  # Milvus wants a vector in each
        notes.add_field("text", DataType.VARCHAR, max_length=LONGEST)
        self._make(self._notes, notes, [CODE])

        items = MilvusClient.create_schema()
        items.add_field("id", DataType.INT64, is_primary=True)
        items.add_field(CODE, DataType.BINARY_VECTOR, dim=bits)
        items.add_field(
            "literals",
            DataType.ARRAY,
            element_type=DataType.INT16,
            max_capacity=max(attributes, 1),
        )
        items.add_field(
            "facts",
            DataType.ARRAY,
            element_type=DataType.VARCHAR,
            max_capacity=4096,
            max_length=LONGEST,
        )
        items.add_field("item", DataType.VARCHAR, max_length=LONGEST)
        items.add_field("checksum", DataType.INT64)
        if attributes:
            items.add_field(LOGS, DataType.FLOAT_VECTOR, dim=2 * attributes)
        self._make(self._name, items, [CODE, LOGS] if attributes else [CODE])

    def _make(self, name: str, schema: "CollectionSchema", vectors: list[str]) -> None:
        client = self._client
        with milvus_errors(self.place):
            if not client.has_collection(name, timeout=LONGEST_WAIT):
                client.create_collection(
                    name, schema=schema, consistency_level="Strong", timeout=LONGEST_WAIT
                )
            indexed = client.list_indexes(name, timeout=LONGEST_WAIT)
            for field in vectors:
                if field not in indexed:
                    params = client.prepare_index_params()
                    kind, metric = EXACT_INDEXES[field]
                    params.add_index(field, index_type=kind, metric_type=metric, index_name=field)
                    client.create_index(name, params, sync=False, timeout=LONGEST_WAIT)
            client.load_collection(name, timeout=LONGEST_WAIT)

    def check_indexes(self) -> None:
        """Refuses indexes that leave things out.

        Raises:
            DualhashError: Somebody has put one of these in place of an exact one.
        """
        with milvus_errors(self.place):
            for field in self._client.list_indexes(self._name, timeout=LONGEST_WAIT):
                found = self._client.describe_index(self._name, field, timeout=LONGEST_WAIT)
                kind, _ = EXACT_INDEXES.get(field, (None, None))
                if kind and found["index_type"] not in (kind, "AUTOINDEX"):
                    raise DualhashError(
                        f"{self.place} has an index of type {found['index_type']} on {field}, "
                        f"which does not find everything; make it one of type {kind}."
                    )

    def count(self, where: str = "") -> int:
        """How many items there are, or meet an expression."""
        with milvus_errors(self.place):
            (row,) = self._client.query(
                self._name, filter=where, output_fields=["count(*)"], timeout=LONGEST_WAIT
            )
        return int(row["count(*)"])

    def rows(self, ids: Sequence[int], fields: list[str]) -> dict[int, dict[str, Any]]:
        """Fields of at most `MOST` items by id; ids that do not exist are left out."""
        if not ids:
            return {}
        with milvus_errors(self.place):
            rows = self._client.query(
                self._name, ids=list(ids), output_fields=["id", *fields], timeout=LONGEST_WAIT
            )
        return {row["id"]: row for row in rows}

    def checksums(self, where: str) -> dict[int, int]:
        """Checksums by id of at most `MOST` items that meet an expression."""
        with milvus_errors(self.place):
            rows = self._client.query(
                self._name,
                filter=where,
                output_fields=["id", "checksum"],
                limit=MOST,
                timeout=LONGEST_WAIT,
            )
        return {row["id"]: row["checksum"] for row in rows}

    def best(
        self, field: str, query: bytes | NDArray[np.float32], where: str, limit: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The `limit` best items of those that meet an expression; which of equals is not said.

        Args:
            field: The vectors to search, `CODE` by distance or `LOGS` by inner product.
            query: (k/8,) packed code as bytes, or (2p,) float32.
            where: The expression, of Milvus.
            limit: At most `MOST`.

        Returns:
            Ids (m,) and distances or inner products (m,), best first.
        """
        with milvus_errors(self.place):
            (hits,) = self._client.search(
                self._name,
                data=[query],
                anns_field=field,
                filter=where,
                limit=limit,
                search_params={"metric_type": EXACT_INDEXES[field][1]},
                timeout=LONGEST_WAIT,
            )
        return (
            np.array([hit["id"] for hit in hits], np.int64),
            np.array([hit["distance"] for hit in hits], np.float64),
        )

    def put(self, rows: list[dict[str, Any]]) -> None:
        """Adds items, or replaces those of the same ids."""
        with milvus_errors(self.place):
            self._client.upsert(self._name, rows, timeout=LONGEST_WAIT)

    def delete(self, ids: list[int]) -> None:
        """Deletes items."""
        with milvus_errors(self.place):
            self._client.delete(self._name, ids=ids, timeout=LONGEST_WAIT)

    def note(self, number: int, text: str) -> None:
        """Writes the note of a number, at most `LONGEST` bytes."""
        row = {"id": number, CODE: b"\0", "text": text}
        with milvus_errors(self.place):
            self._client.upsert(self._notes, [row], timeout=LONGEST_WAIT)

    def noted(self, numbers: Sequence[int]) -> dict[int, str]:
        """Notes by number; those that do not exist are left out."""
        with milvus_errors(self.place):
            rows = self._client.query(
                self._notes,
                ids=list(numbers),
                output_fields=["id", "text"],
                timeout=LONGEST_WAIT,
            )
        return {row["id"]: row["text"] for row in rows}


def connect(place: MilvusAddress, *, create: bool = False) -> Collection:
    """Connects to a collection, which may not exist yet.

    A place without the name of a collection is that of the only one that dualhash made there.

    Args:
        place: Where.
        create: Whether a Lite file may be made.

    Raises:
        DualhashError: The server cannot be used, or which collection is meant is not clear.
    """
    client = open_client(place, create=create)
    try:
        with milvus_errors(place):
            name = place.collection or _only_collection(client, place)
    except BaseException:
        client.close()
        raise
    return Collection(client, MilvusAddress(place.server, name))


def _only_collection(client: "MilvusClient", place: MilvusAddress) -> str:
    names = client.list_collections(timeout=LONGEST_WAIT)
    ours = sorted(name for name in names if name + NOTES_SUFFIX in names)
    if len(ours) == 1:
        return str(ours[0])
    if not ours:
        raise DualhashError(f"{place} holds no index. `dualhash index push` brings one there.")
    raise DualhashError(
        f"{place} has several collections: {', '.join(ours)}. Say which, as {place}/{ours[0]}."
    )
