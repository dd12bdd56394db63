"""Copies an index file, or its changes, to a PostgreSQL table."""

from contextlib import closing
from dataclasses import replace

from dualhash.codes.encoder import Progress
from dualhash.errors import DualhashError
from dualhash.search.remote.postgres.client import parse_address
from dualhash.search.remote.postgres.index import PostgresIndex
from dualhash.search.remote.postgres.table import IndexTable, TableState, ranked_column
from dualhash.search.remote.push import PushReport, default_name, send_changes
from dualhash.search.storage.reader import LAST_ID, IndexReader

RECALL_QUERIES, RECALL_AT = 100, 10
"""Items whose nearest neighbours are searched to measure recall, and their number."""


def push_to_table(reader: IndexReader, to: str, progress: Progress | None) -> PushReport:
    """Makes a table equal to an index file, in one transaction.

    So an interrupted push leaves the table as it was, and searches never see a part of one.

    Args:
        reader: The file, in a block of `reading`.
        to: An address, as `parse_address` reads it; by default the table has the name of the file.
            With `ef_search`, an HNSW index is created, and its recall is measured.
        progress: Called with the number of items that are done and their total.

    Raises:
        DualhashError: The server cannot be used; or the table holds codes of another model, or was
            not made by dualhash.
    """
    address = parse_address(to)
    if address.table is None:
        address = replace(address, table=default_name(reader.path))
    with closing(IndexTable(address)) as table:
        with table.transaction():
            table.execute("SELECT pg_advisory_xact_lock(hashtext('dualhash'))")
            _prepare(reader, table)
            report = send_changes(reader, table, LAST_ID + 1, str(address), progress)
            table.write_state(TableState(reader.header, tuple(reader.fields())))
            if address.ef_search is not None:
                column = ranked_column(reader.header)
                table.execute(
                    f'CREATE INDEX IF NOT EXISTS "{address.table}_hnsw" ON {table.name} '
                    f"USING hnsw ({column} bit_hamming_ops)"
                )
        table.execute(f"ANALYZE {table.name}")
        recall = None if address.ef_search is None else _recall(table, address.ef_search)
    return replace(report, recall=recall)


def _prepare(reader: IndexReader, table: IndexTable) -> None:
    """Creates the table if it is missing."""
    header, state = reader.header, table.state()
    if state is None and table.exists(table.name):
        raise DualhashError(
            f"{table.address} is a table that dualhash did not create; choose another name."
        )
    if state and state.header.model_hash != header.model_hash:
        raise DualhashError(
            f"{table.address} holds codes of another model than {reader.path} "
            f"({state.header.bits} bits, model {state.header.model_hash[:12]}, not {header.bits} "
            f"bits, model {header.model_hash[:12]}). Push to a table of another name, or drop this "
            "one first."
        )
    table.create(header)


def _recall(table: IndexTable, ef_search: int) -> float | None:
    """Returns the share of the nearest items that an approximate search finds; None if empty.

    A found item counts if it is no farther away than the last of the exact results.
    """
    exact, approximate = PostgresIndex(table, None), PostgresIndex(table, None, ef_search)
    found = expected = 0
    sql = f"SELECT id FROM {table.name} ORDER BY hashint8(id) LIMIT {RECALL_QUERIES}"
    for (item,) in table.rows(sql):
        nearest, hits = (
            [hit.distance or 0 for hit in index.search(item, task="category", k=RECALL_AT).hits]
            for index in (exact, approximate)
        )
        expected += len(nearest)
        found += sum(distance <= nearest[-1] for distance in hits)
    return found / expected if expected else None
