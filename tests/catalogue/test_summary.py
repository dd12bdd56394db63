from pathlib import Path

import numpy as np
import pytest

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.problems import shortened
from dualhash.catalogue.read_catalogue import read_catalogue
from dualhash.catalogue.summary import AttributeSummary, CatalogueSummary, summarise


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    for i in range(6):
        (tmp_path / f"{i}.png").touch()
    (tmp_path / "t.csv").write_text(
        "image,category,new,old,subset\n"
        "0.png,b,1,0,train-both\n"
        "1.png,b,0,0,train-both\n"
        "2.png,,0,,train-attribute\n"
        "3.png,a,1,1,train-category\n"
        "4.png,a,1,1,test\n"
        "5.png,,,1,\n"
        "9.png,,,,\n"
    )
    return read_catalogue(tmp_path / "t.csv", Columns(attributes=("new", "old")))


def test_hand_worked_example(catalogue: Catalogue):
    found = summarise(catalogue)
    assert (found.source, found.images, found.left_out) == (catalogue.source, 6, 1)
    assert found.subsets == {
        "train-both": 2,
        "train-attribute": 1,
        "train-category": 1,
        "test": 1,
        "none": 1,
    }
    assert found.categories == {"a": 2, "b": 2}
    assert found.uncategorised == 2
    assert found.attributes == (
        AttributeSummary(name="new", present=3, absent=2, missing=1, class_ratio=2.0),
        AttributeSummary(name="old", present=3, absent=2, missing=1, class_ratio=None),
    )
    assert found.problems == catalogue.problems
    assert found.smallest is found.largest is None


def test_counts_match_their_totals(catalogue: Catalogue):
    found = summarise(catalogue)
    assert sum(found.subsets.values()) == found.images
    assert sum(found.categories.values()) + found.uncategorised == found.images
    assert all(a.present + a.absent + a.missing == found.images for a in found.attributes)


def test_sizes_are_ordered_by_area(catalogue: Catalogue):
    found = summarise(catalogue, np.array([[30, 40], [1, 500], [20, 20]]))
    assert (found.smallest, found.largest) == ((20, 20), (30, 40))


def test_json_round_trip(catalogue: Catalogue):
    found = summarise(catalogue)
    assert CatalogueSummary.model_validate_json(found.model_dump_json()) == found


def test_without_labels(catalogue: Catalogue):
    (Path(catalogue.source).parent / "bare.csv").write_text("image\n0.png\n")
    found = summarise(read_catalogue(Path(catalogue.source).with_name("bare.csv")))
    assert (found.categories, found.attributes, found.uncategorised) == ({}, (), 1)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, ""), (2, "0, 1"), (3, "0, 1, 2"), (5, "0, 1, 2, … and 2 more")]
)
def test_shortened(count: int, expected: str):
    assert shortened([str(i) for i in range(count)], 3) == expected
