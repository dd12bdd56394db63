"""Starts a server in a separate process, for tests."""

import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dualhash.serve.server import run
from dualhash.serve.settings import Settings

SEARCH = "/api/v1/search"
PATIENCE = 60.0

HEAD = b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\n"
"""Begin of a request, without the empty line after the headers."""


@dataclass(frozen=True)
class Live:
    """A running server."""

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=PATIENCE)


@contextmanager
def serving(path: Path, files: tuple[int, int] | None = None, **settings: object) -> Iterator[Live]:
    """Serves an index on a free port with these settings and no rate limit.

    Args:
        path: The index file.
        files: Soft and hard limit on open files.
        settings: Fields of `Settings`.
    """
    given = json.dumps({"port": 0, "rate": 0, **settings})
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serve.server_process", str(path), given, json.dumps(files)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        printed = process.stdout.readline().strip()
        assert printed, "the server did not start"
        address, _, _ = printed.partition("/?")
        yield Live(process, address)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def connect(live: Live) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", live.port))
    connection.settimeout(PATIENCE)
    return connection


def read_until_closed(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


if __name__ == "__main__":
    if allowed := json.loads(sys.argv[3]):
        resource.setrlimit(resource.RLIMIT_NOFILE, tuple(allowed))
    run(
        Path(sys.argv[1]),
        Settings(**json.loads(sys.argv[2])),
        ready=lambda address: print(address, flush=True),
    )
