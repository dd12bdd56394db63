"""A server in a process of its own, and what it is asked."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from dualhash.serve.run import run
from dualhash.serve.settings import Settings

SEARCH = "/api/v1/search"
PATIENCE = 60.0


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
def serving(path: Path, **settings: object) -> Iterator[Live]:
    """Serves an index on a free port with these settings, and without a rate."""
    given = json.dumps({"port": 0, "rate": 0, **settings})
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.serve.live", str(path), given],
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


if __name__ == "__main__":
    run(
        Path(sys.argv[1]),
        Settings(**json.loads(sys.argv[2])),
        ready=lambda address: print(address, flush=True),
    )
