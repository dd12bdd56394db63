from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from dualhash.codes import Model
from dualhash.search import Index, ItemLabels
from dualhash.serve.app import create_app
from dualhash.serve.settings import Settings
from tests.builders import colour_image, colour_model

COUNT = 12
NAMES = ("colour=red", "colour=green", "shiny")


def write_index(folder: Path, model: Model, count: int = COUNT, seed: int = 0) -> Path:
    """Writes an index of items of random colours, half of them labelled; replaces any index."""
    rng = np.random.default_rng(seed)
    paths = [
        colour_image(folder / "images" / f"{seed}-{i}.png", tuple(rng.integers(0, 256, 3).tolist()))
        for i in range(count)
    ]
    labelled = [ItemLabels("circle", {"colour=red": True, "shiny": False}), ItemLabels()]
    with Index.unfinished(folder / "shapes.dhx", model, replace=True) as index:
        index.add(
            model.encode(paths).codes,
            paths,
            [{"number": i, "parity": "even" if i % 2 == 0 else "odd"} for i in range(count)],
            [labelled[i % 2] for i in range(count)],
        )
    return folder / "shapes.dhx"


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that no test changes, with its model and its images."""
    folder = tmp_path_factory.mktemp("shapes")
    return write_index(folder, colour_model(folder / "model", attribute_names=NAMES))


@pytest.fixture(scope="session")
def index(shapes: Path) -> Iterator[Index]:
    """The same index, opened by the library."""
    with Index.open(shapes) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(shapes: Path) -> Iterator[TestClient]:
    """A client of a server without a rate limit."""
    app = create_app(shapes, settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as opened:
        yield opened
