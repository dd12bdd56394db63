from pathlib import Path

import pytest

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.datasets import openmoji


@pytest.fixture(scope="session")
def emojis(emoji_cache: Path) -> Catalogue:
    return openmoji.read(emoji_cache)


@pytest.fixture(scope="session")
def coarse_emojis(emoji_cache: Path) -> Catalogue:
    return openmoji.read(emoji_cache, coarse=True)
