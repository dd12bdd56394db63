from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture(scope="session")
def lite() -> Iterator[str]:
    """A file of Milvus Lite, whose server runs from its first use to the end of the tests."""
    pytest.importorskip("milvus_lite", reason="Milvus Lite is not installed")
    with TemporaryDirectory() as folder:
        yield str(Path(folder) / "lite.db")
