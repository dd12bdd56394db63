from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.search import Index, ItemLabels
from tests.builders import colour_model


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return colour_model(tmp_path / "model", bits=16)


@pytest.fixture
def index(tmp_path: Path, model: Model) -> Iterator[Index]:
    """Six items: ids 0 to 5, the last a duplicate of the first."""
    codes = np.array([[0, 0], [1, 0], [3, 0], [255, 0], [255, 255], [0, 0]], np.uint8)
    labels = [ItemLabels("circle", {"red": True, "blue": False})] * 3 + [ItemLabels("square")] * 2
    with Index.create(tmp_path / "shapes.dhx", model) as opened:
        opened.add(
            codes,
            [tmp_path / "images" / f"{i}.png" for i in range(6)],
            [{"number": i} for i in range(6)],
            [*labels, ItemLabels()],
        )
        yield opened
