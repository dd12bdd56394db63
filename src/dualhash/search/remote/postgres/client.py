"""Connections to PostgreSQL: addresses, and errors as sentences."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from dualhash.errors import DualhashError, needs_extra

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_TIMEOUT = 10
"""Seconds to wait until a server responds at all."""

MOST_CANDIDATES = 1000
"""The largest `ef_search` of pgvector."""

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PostgresAddress:
    """The address of a table.

    Attributes:
        host: User, password, host and port, as in a URI; empty for the local server.
        database: Name of the database; empty for that of the user's name.
        table: Name of the table; None if it is not given.
        parameters: Further parameters of libpq, such as sslmode, with their values.
        ef_search: Candidates of an approximate search; None to search exactly.
    """

    host: str
    database: str
    table: str | None
    parameters: Parameters = ()
    ef_search: int | None = None

    @property
    def server(self) -> str:
        """The URI of the database for libpq."""
        return _uri(self.host, self.database, self.parameters)

    def __str__(self) -> str:
        """Returns the URI to search it with, without passwords."""
        host = re.sub(r":[^@]*@", "@", self.host)
        shown = [pair for pair in self.parameters if "password" not in pair[0]]
        if self.ef_search is not None:
            shown.append(("ef_search", str(self.ef_search)))
        path = self.database if self.table is None else f"{self.database}/{self.table}"
        return _uri(host, path, tuple(shown))


def _uri(host: str, path: str, parameters: Parameters) -> str:
    query = f"?{urlencode(parameters, quote_via=quote, safe='/')}" if parameters else ""
    return f"postgresql://{host}/{path}{query}"


def parse_address(text: str) -> PostgresAddress:
    """Parses postgresql://[user[:password]@]host[:port]/database[/table][?parameters].

    Parameters are those of libpq, and `ef_search`.

    Raises:
        DualhashError: It has another form.
    """
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise DualhashError(
            "The address of a PostgreSQL table has the form postgresql://host/database/table."
        ) from error
    database, _, table = parts.path.strip("/").partition("/")
    if table and not re.fullmatch(r"[A-Za-z_]\w{,53}", table, re.ASCII):  # with suffix, 63 bytes
        raise DualhashError(
            f"The name of a table has at most 54 letters, digits and underscores and does not "
            f"begin with a digit, unlike {table!r}."
        )
    parameters = dict(parse_qsl(parts.query))
    candidates = parameters.pop("ef_search", None)
    if candidates is not None and not re.fullmatch("[1-9][0-9]{,2}|1000", candidates):
        raise DualhashError(
            f"ef_search is a whole number from 1 to {MOST_CANDIDATES:,}, not {candidates!r}."
        )
    return PostgresAddress(
        parts.netloc,
        database,
        table or None,
        tuple(parameters.items()),
        None if candidates is None else int(candidates),
    )


def connect(address: PostgresAddress) -> "Connection":
    """Connects to a database. Each block of `Connection.transaction` sees one state of it.

    Raises:
        DualhashError: psycopg is not installed, or the server does not respond or refuses.
    """
    with needs_extra(str(address), "postgres"):
        import psycopg
    with postgres_errors(address):
        connection = psycopg.connect(
            address.server, autocommit=True, connect_timeout=CONNECT_TIMEOUT
        )
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return connection


@contextmanager
def postgres_errors(address: PostgresAddress) -> Iterator[None]:
    """Turns errors of PostgreSQL into errors that name the server."""
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        message = " ".join(str(error).split()).strip(". ")
        raise DualhashError(
            f"{address} cannot be used now: {message}. Check that the server runs, can be reached "
            "and has pgvector 0.8 or newer."
        ) from error
