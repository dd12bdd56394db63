from pathlib import Path

import pytest

from dualhash.catalogue.catalogue import Catalogue
from tests.training.tiny_training import make_catalogue


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("DUALHASH_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True, scope="module")
def tiny_backbone_everywhere(tiny_backbone: None) -> None:
    pass


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return make_catalogue(tmp_path_factory.mktemp("tiny"))
