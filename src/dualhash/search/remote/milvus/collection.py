"""A Milvus collection: its schema, and reading and writing its rows."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.search.remote.milvus.client import MilvusAddress, milvus_errors, open_client

if TYPE_CHECKING:
    from pymilvus import CollectionSchema, MilvusClient

MAX_ROWS = 16_384
"""Rows in a response of Milvus."""

MAX_TEXT = 65_535
"""Bytes in a text field of Milvus."""

TIMEOUT = 120.0
"""Seconds to wait for one request."""

CODE, OTHER_BITS, LOGS = "code", "other_bits", "log_probabilities"

EXACT_INDEXES = {CODE: ("BIN_FLAT", "HAMMING"), LOGS: ("FLAT", "IP")}
"""Field: the type of index that finds everything, and its metric."""

LITERALS, FACTS = "literals", "facts"

METADATA_SUFFIX = "_dualhash"
"""Suffix of the second collection of each index, which holds its metadata as texts by number."""

LOGS_SUFFIX = "_dualhash_attributes"
"""Suffix of the collection with `LOGS` on servers that allow one vector field in a collection."""

ONE_VECTOR = "multiple vector fields"
"""Part of the message with which Milvus before 2.4 refuses a collection with two."""


class Collection:
    """An open collection and its metadata.

    On a server that allows one vector field, a further collection holds `LOGS`, with the fields
    that expressions use. Its rows are written and deleted first, so that a push that was
    interrupted in between sends or deletes them again.

    Attributes:
        address: Its address, with its name.
    """

    def __init__(self, client: "MilvusClient", address: MilvusAddress) -> None:
        self._client = client
        self.address = address
        self._name = address.collection or ""
        self._metadata = self._name + METADATA_SUFFIX
        self._logs = self._name + LOGS_SUFFIX

    def close(self) -> None:
        """Closes the connection; a second call does nothing."""
        self._client.close()

    def _call(self, method: str, *arguments: object, **options: object) -> Any:  # noqa: ANN401
        with milvus_errors(self.address):
            return getattr(self._client, method)(*arguments, **options, timeout=TIMEOUT)

    def exists(self) -> bool:
        """Whether there is a collection of this name."""
        return bool(self._call("has_collection", self._name))

    def has_metadata(self) -> bool:
        """Whether there is metadata; a collection without it was not made by dualhash."""
        return bool(self._call("has_collection", self._metadata))

    @cached_property
    def logs_apart(self) -> bool:
        """Whether another collection holds `LOGS`."""
        return bool(self._call("has_collection", self._logs))

    def create(self, bits: int, compared_bits: int, attributes: int) -> None:
        """Creates the collection and its metadata, unless they exist.

        Args:
            bits: Length k of the codes.
            compared_bits: Number of their leading bits that Hamming distances compare.
            attributes: Number p of attributes.
        """
        from pymilvus import DataType, MilvusClient

        metadata = MilvusClient.create_schema()
        metadata.add_field("id", DataType.INT64, is_primary=True)
        metadata.add_field(CODE, DataType.BINARY_VECTOR, dim=8)  # Milvus requires a vector
        metadata.add_field("text", DataType.VARCHAR, max_length=MAX_TEXT)
        self._create(self._metadata, metadata)

        if attributes and not self.logs_apart:
            try:
                self._create(self._name, _schema(bits, compared_bits, attributes, CODE, LOGS))
            except DualhashError as error:
                if ONE_VECTOR not in str(error):
                    raise
                self._create(self._logs, _schema(bits, compared_bits, attributes, LOGS))
                self.logs_apart = True
        if self.logs_apart or not attributes:
            self._create(self._name, _schema(bits, compared_bits, attributes, CODE))

    def _create(self, name: str, schema: "CollectionSchema") -> None:
        if not self._call("has_collection", name):
            self._call("create_collection", name, schema=schema, consistency_level="Strong")
        vectors = {field.name for field in schema.fields} & EXACT_INDEXES.keys()
        for field in vectors - set(self._call("list_indexes", name)):
            params = self._client.prepare_index_params()
            kind, metric = EXACT_INDEXES[field]
            params.add_index(field, index_type=kind, metric_type=metric, index_name=field)
            self._call("create_index", name, params, sync=False)
        self._call("load_collection", name)

    def check_indexes(self) -> None:
        """Refuses approximate indexes.

        Raises:
            DualhashError: An exact index of the collection was replaced by an approximate one.
        """
        names = [self._name, *([self._logs] if self.logs_apart else [])]
        for name, field in [(n, field) for n in names for field in self._call("list_indexes", n)]:
            found = self._call("describe_index", name, field)["index_type"]
            kind, _ = EXACT_INDEXES.get(field, (None, None))
            if kind and found not in (kind, "AUTOINDEX"):
                raise DualhashError(
                    f"{self.address} has an index of type {found} on {field}, which does not find "
                    f"everything; change it to type {kind}."
                )

    def count(self, where: str = "") -> int:
        """Counts the items, or those that meet an expression."""
        (row,) = self._call("query", self._name, filter=where, output_fields=["count(*)"])
        return int(row["count(*)"])

    def rows(self, ids: Sequence[int], fields: list[str]) -> dict[int, dict[str, Any]]:
        """Returns fields of up to `MAX_ROWS` items by id; ids that do not exist are left out."""
        if not ids:
            return {}
        rows = self._call("query", self._name, ids=list(ids), output_fields=["id", *fields])
        return {row["id"]: row for row in rows}

    def checksums(self, where: str) -> dict[int, int]:
        """Returns checksums by id of up to `MAX_ROWS` items that meet an expression."""
        fields = ["id", "checksum"]
        rows = self._call("query", self._name, filter=where, output_fields=fields, limit=MAX_ROWS)
        return {row["id"]: row["checksum"] for row in rows}

    def best(
        self, field: str, query: bytes | NDArray[np.float32], where: str, limit: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Returns the `limit` best items that meet an expression; ties are in no fixed order.

        Args:
            field: The vectors to search, `CODE` by distance or `LOGS` by inner product.
            query: The compared bits of a code, packed, as bytes; or (2p,) float32.
            where: The expression, in the language of Milvus.
            limit: At most `MAX_ROWS`.

        Returns:
            Ids (m,) and distances or inner products (m,), best first.
        """
        (hits,) = self._call(
            "search",
            self._logs if field == LOGS and self.logs_apart else self._name,
            data=[query],
            anns_field=field,
            filter=where,
            limit=limit,
            search_params={"metric_type": EXACT_INDEXES[field][1]},
        )
        ids, keys = ([hit[name] for hit in hits] for name in ("id", "distance"))
        return np.array(ids, np.int64), np.array(keys, np.float64)

    def put(self, rows: list[dict[str, Any]]) -> None:
        """Adds items, or replaces those with the same ids."""
        if self.logs_apart:
            copied = ("id", LITERALS, FACTS, LOGS)
            self._call("upsert", self._logs, [{name: row[name] for name in copied} for row in rows])
            rows = [{name: row[name] for name in row if name != LOGS} for row in rows]
        self._call("upsert", self._name, rows)

    def delete(self, ids: list[int]) -> None:
        """Deletes items."""
        if self.logs_apart:
            self._call("delete", self._logs, ids=ids)
        self._call("delete", self._name, ids=ids)

    def write_text(self, number: int, text: str) -> None:
        """Writes a text of the metadata, at most `MAX_TEXT` bytes."""
        self._call("upsert", self._metadata, [{"id": number, CODE: b"\0", "text": text}])

    def texts(self, numbers: Sequence[int]) -> dict[int, str]:
        """Returns texts of the metadata by number; those that do not exist are left out."""
        fields = ["id", "text"]
        rows = self._call("query", self._metadata, ids=list(numbers), output_fields=fields)
        return {row["id"]: row["text"] for row in rows}


def _schema(bits: int, compared_bits: int, attributes: int, *vectors: str) -> "CollectionSchema":
    """Returns the schema of a collection that holds `CODE`, `LOGS` or both."""
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    array: dict[str, Any] = {"datatype": DataType.ARRAY, "max_length": MAX_TEXT}
    literals = {"element_type": DataType.INT16, "max_capacity": max(attributes, 1)}
    schema.add_field(LITERALS, **array | literals)
    schema.add_field(FACTS, **array, element_type=DataType.VARCHAR, max_capacity=4096)
    if LOGS in vectors:
        schema.add_field(LOGS, DataType.FLOAT_VECTOR, dim=2 * attributes)
    if CODE in vectors:
        schema.add_field(CODE, DataType.BINARY_VECTOR, dim=compared_bits)
        if compared_bits < bits:
            schema.add_field(OTHER_BITS, DataType.VARCHAR, max_length=(bits - compared_bits) // 4)
        schema.add_field("item", DataType.VARCHAR, max_length=MAX_TEXT)
        schema.add_field("checksum", DataType.INT64)
    return schema


def connect(address: MilvusAddress, *, create: bool = False) -> Collection:
    """Connects to a collection, which may not exist yet.

    An address without a collection means the only collection there that dualhash made.

    Args:
        address: The server or Lite file.
        create: Whether a Lite file may be created.

    Raises:
        DualhashError: The server cannot be used, or has several collections.
    """
    client = open_client(address, create=create)
    try:
        with milvus_errors(address):
            name = address.collection or _only_collection(client, address)
    except BaseException:
        client.close()
        raise
    return Collection(client, MilvusAddress(address.server, name))


def _only_collection(client: "MilvusClient", address: MilvusAddress) -> str:
    names = client.list_collections(timeout=TIMEOUT)
    ours = sorted(name for name in names if name + METADATA_SUFFIX in names)
    if len(ours) == 1:
        return str(ours[0])
    if not ours:
        raise DualhashError(f"{address} holds no index. `dualhash index push` copies one to it.")
    raise DualhashError(
        f"{address} has several collections: {', '.join(ours)}. Choose one, as in "
        f"{address}/{ours[0]}."
    )
