import numpy as np
import pytest

from dualhash.search.kernels import threads


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch):
    """A few hundred codes are shared among threads, as millions would be."""
    monkeypatch.setattr(threads, "FEWEST_GROUPS", 1)
