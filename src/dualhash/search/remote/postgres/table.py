"""A PostgreSQL table with an index: its columns, and reading and writing its rows."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import softmax
from dualhash.errors import DualhashError
from dualhash.search.remote.messages import Model
from dualhash.search.remote.postgres.client import PostgresAddress, connect, postgres_errors
from dualhash.search.remote.stored_items import row_checksum
from dualhash.search.results import Item
from dualhash.search.storage.header import Header
from dualhash.search.storage.payload_columns import facts_of

FORMAT = 1
"""The format of tables that this version reads and writes."""

CATALOGUE = "dualhash_indexes"
"""The table with one row for each index in the database: its format, header and fields."""

CODE, RANKING_BITS, LOGITS, CATEGORIES = (
    *("code", "ranking_bits", "attribute_logits", "category_probabilities"),
)

NUL = "\0"


@dataclass(frozen=True)
class TableState:
    """The row of an index in the table `dualhash_indexes`.

    Attributes:
        header: That of the index file.
        fields: Names that filters may use.
    """

    header: Header
    fields: tuple[str, ...]


class IndexTable:
    """The table of an index, in one connection. Threads take turns.

    Attributes:
        address: Its address, with its name.
    """

    def __init__(self, address: PostgresAddress) -> None:
        """Connects; an address without a table means the only index in the database.

        Raises:
            DualhashError: The server cannot be used; or there is no index, or several.
        """
        self.address = address
        self._connection = connect(address)
        self._lock = RLock()
        try:
            if address.table is None:
                self.address = replace(address, table=self._only_table())
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Its quoted name."""
        return f'"{self.address.table}"'

    def close(self) -> None:
        """Closes the connection; a second call does nothing."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Shows one state of the database, and keeps all changes of the block or none."""
        with self._lock, postgres_errors(self.address), self._connection.transaction():
            yield

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Returns the rows of a query."""
        with self._lock, postgres_errors(self.address):
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, values or None).fetchall()
            return rows

    def execute(self, sql: str, *values: object) -> None:
        """Runs a statement."""
        with self._lock, postgres_errors(self.address):
            self._connection.execute(sql, values or None)

    def exists(self, name: str) -> bool:
        """Whether there is a table of this quoted name."""
        ((found,),) = self.rows("SELECT to_regclass(%s) IS NOT NULL", name)
        return bool(found)

    def _only_table(self) -> str:
        names = []
        if self.exists(CATALOGUE):
            names = [name for (name,) in self.rows(f"SELECT name FROM {CATALOGUE} ORDER BY name")]
        if len(names) == 1:
            return str(names[0])
        if not names:
            raise self.no_index()
        raise DualhashError(
            f"{self.address} has several indexes: {', '.join(names)}. Choose one, as in "
            f"{replace(self.address, table=names[0])}."
        )

    def no_index(self) -> DualhashError:
        """Returns the error for a table that is missing."""
        return DualhashError(
            f"{self.address} holds no index. `dualhash index push` copies one to it."
        )

    def state(self) -> TableState | None:
        """Returns the header and the fields; None if there is no index of this name.

        Raises:
            DualhashError: It has a newer format.
        """
        if not (self.exists(CATALOGUE) and self.exists(self.name)):
            return None
        sql = f"SELECT format, header, model_folder, fields FROM {CATALOGUE} WHERE name = %s"
        for number, header, folder, fields in self.rows(sql, self.address.table):
            if number > FORMAT:
                raise DualhashError(
                    f"{self.address} has format {number}; this version of dualhash reads formats "
                    f"up to {FORMAT}. Upgrade dualhash."
                )
            read = Model.model_validate_json(header).read()
            return TableState(
                replace(read, model_folder=Path(folder) if folder else None), tuple(fields)
            )
        return None

    def write_state(self, state: TableState) -> None:
        """Writes the header and the fields."""
        folder = state.header.model_folder
        self.execute(
            f"INSERT INTO {CATALOGUE} VALUES (%s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET "
            "format = excluded.format, header = excluded.header, "
            "model_folder = excluded.model_folder, fields = excluded.fields",
            self.address.table,
            FORMAT,
            Model.of(state.header).model_dump_json(),
            None if folder is None else str(folder),
            list(state.fields),
        )

    def create(self, header: Header) -> None:
        """Creates the tables, unless they exist.

        `attribute_logits` are scores whose sigmoid is the probability of each attribute, and
        `facts` holds category and payload as text. Both stay with the code in the row, while the
        long `item` moves out, so that searches read little.
        """
        categories = len(header.calibrated_category_head.names)
        self.execute("CREATE EXTENSION IF NOT EXISTS vector")
        self.execute(
            f"CREATE TABLE IF NOT EXISTS {CATALOGUE} (name text PRIMARY KEY, format int NOT NULL, "
            "header text NOT NULL, model_folder text, fields text[] NOT NULL)"
        )
        columns = [
            "id bigint PRIMARY KEY",
            "checksum bigint NOT NULL",
            f"{CODE} bit({header.bits}) NOT NULL",
            f"{LOGITS} real[] NOT NULL",
            "facts jsonb NOT NULL",
            "item json NOT NULL",
        ]
        if categories:
            columns.append(f"{CATEGORIES} vector({categories}) NOT NULL")
        if (bits := header.ranking_bits) is not None:
            columns.append(
                f"{RANKING_BITS} bit({bits}) GENERATED ALWAYS AS "
                f"(substring({CODE} from 1 for {bits})::bit({bits})) STORED"
            )
        if self.exists(self.name):
            return
        self.execute(
            f"CREATE TABLE {self.name} ({', '.join(columns)}) WITH (toast_tuple_target = 128)"
        )
        inline = [LOGITS, "facts", *([CATEGORIES] if categories else [])]
        changes = ", ".join(f"ALTER {column} SET STORAGE MAIN" for column in inline)
        self.execute(f"ALTER TABLE {self.name} {changes}")
        self.execute(f"CREATE INDEX ON {self.name} USING gin (facts jsonb_path_ops)")

    def checksums(self, low: int, high: int) -> dict[int, int]:
        """Returns checksums by id of the rows with low <= id < high."""
        sql = f"SELECT id, checksum FROM {self.name} WHERE id >= %s AND id < %s"
        return dict(self.rows(sql, low, high))

    def put(
        self,
        items: Sequence[Item],
        codes: NDArray[np.uint8],
        descriptions: Sequence[str],
        header: Header,
    ) -> None:
        """Adds n items, or replaces those with the same ids; the arguments are those of a push.

        Raises:
            DualhashError: A payload has a NUL character.
        """
        logits = header.calibrated_attribute_head.code_scores(codes)
        categories = softmax(header.calibrated_category_head.code_scores(codes))
        rows = []
        for item, code, of_attributes, of_categories, description in zip(
            items, codes, logits, categories, descriptions, strict=True
        ):
            facts = facts_of(item.labels.category, item.payload)
            if any(NUL in text for fact in facts.items() for text in fact):
                raise DualhashError(
                    f"Item {item.id} has a NUL character in its category or payload, which "
                    "PostgreSQL does not store; remove it."
                )
            row = [item.id, row_checksum(code, description), bit_text(code)]
            row += [f"{{{_listed(of_attributes)}}}", json.dumps(facts, ensure_ascii=False)]
            row += [description, *([vector_text(of_categories)] if len(of_categories) else [])]
            rows.append(row)
        names = ["id", "checksum", CODE, LOGITS, "facts", "item"]
        names += [CATEGORIES] if categories.shape[1] else []
        columns, changes = ", ".join(names), ", ".join(f"{n} = excluded.{n}" for n in names[1:])
        with self._lock, postgres_errors(self.address), self._connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TEMP TABLE pushed ON COMMIT DROP AS SELECT {columns} FROM {self.name} "
                "WITH NO DATA"
            )
            with cursor.copy(f"COPY pushed ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(
                f"INSERT INTO {self.name} ({columns}) SELECT * FROM pushed "
                f"ON CONFLICT (id) DO UPDATE SET {changes}"
            )
            cursor.execute("DROP TABLE pushed")

    def delete(self, ids: list[int]) -> None:
        """Deletes rows."""
        self.execute(f"DELETE FROM {self.name} WHERE id = ANY(%s)", ids)

    def descriptions(self, ids: Iterable[int]) -> dict[int, str]:
        """Returns the items by id, as a push describes them; ids that do not exist are left out."""
        sql = f"SELECT id, item::text FROM {self.name} WHERE id = ANY(%s)"
        return dict(self.rows(sql, list(ids)))


def ranked_column(header: Header) -> str:
    """Returns the column whose Hamming distance ranks."""
    return CODE if header.ranking_bits is None else RANKING_BITS


def bit_text(code: NDArray[np.uint8]) -> str:
    """Returns a packed code (k/8,) as PostgreSQL writes it, such as 0110."""
    return (np.unpackbits(code) + ord("0")).tobytes().decode()


def read_bits(texts: Sequence[str], bits: int) -> NDArray[np.uint8]:
    """Returns the packed codes (n, k/8) of n texts of `bits` bits."""
    digits = np.frombuffer("".join(texts).encode(), np.uint8).reshape(len(texts), bits)
    return np.packbits(digits - ord("0"), axis=1)


def vector_text(values: NDArray[np.floating]) -> str:
    """Returns numbers (n,) as pgvector writes them, to float32."""
    return f"[{_listed(values)}]"


def _listed(values: NDArray[np.floating]) -> str:
    """Returns numbers (n,), with the digits that identify a float32."""
    return ",".join(map("{:.9g}".format, values.tolist()))
