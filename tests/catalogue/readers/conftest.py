import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dualhash.catalogue.catalogue import Catalogue

Row = Sequence[str]


Write = Callable[..., Path]


def write_csv(path: Path, header: Row, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files 0.png to 11.png, which reading a table does not open."""
    folder = tmp_path_factory.mktemp("shop")
    for i in range(12):
        (folder / f"{i}.png").touch()
    return folder


@pytest.fixture
def table(shop: Path) -> Write:
    """Writes products.csv with the given header and rows, as they are."""

    def write(header: str, *rows: str) -> Path:
        path = shop / "products.csv"
        path.write_text("\n".join((header, *rows)) + "\n")
        return path

    return write


def messages(catalogue: Catalogue) -> list[tuple[str, str]]:
    return [(p.location.removeprefix("products.csv "), p.message) for p in catalogue.problems]
