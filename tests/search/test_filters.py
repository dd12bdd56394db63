"""Searches among the items with some values."""

from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index, Labels, resident

QUERY = np.zeros(2, np.uint8)
PAYLOADS = [
    {"type": "Shirts", "year": 2012, "price": 1.5, "sale": True},
    {"type": "Shirts", "year": "2012", "price": None},
    {"type": "Élan 'n' \"co\"", "year": 2013, "sale": False},
    {"type": "Shirts", "year": 2013, "category": "hats"},
]


@pytest.fixture
def shop(tmp_path: Path, model: Model):
    """Four items, of which the nearer ones come first."""
    codes = np.array([[0, 0], [1, 0], [3, 0], [7, 0]], np.uint8)
    labels = [Labels("circle"), Labels("square"), Labels("circle"), Labels()]
    with Index.create(tmp_path / "shop.dhx", model) as index:
        index.add(codes, ["x"] * 4, PAYLOADS, labels)
        yield index


def found(index: Index, where: dict, **options: object) -> list[int]:
    results = index.search(QUERY, where=where, **options)
    assert results.matched == len(results.hits)
    return [hit.id for hit in results.hits]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"type": "Shirts"}, [0, 1, 3]),
        ({"type": "Élan 'n' \"co\""}, [2]),
        ({"type": "shirts"}, []),
        ({"year": 2012}, [0, 1]),
        ({"year": "2012"}, [0, 1]),
        ({"price": 1.5}, [0]),
        ({"price": None}, [1]),
        ({"sale": True}, [0]),
        ({"sale": "true"}, [0]),
        ({"sale": 1}, []),
        ({"category": "circle"}, [0, 2]),
        ({"category": "hats"}, []),
        ({"type": "Shirts", "year": 2013}, [3]),
        ({"type": "Shirts", "category": "square", "year": 2013}, []),
    ],
)
def test_only_items_with_all_values_are_found(shop: Index, where: dict, expected: list[int]):
    assert found(shop, where) == expected
    assert found(shop, where) == expected


def test_with_attributes_and_without_the_query_itself(shop: Index):
    shirts = {"type": "Shirts"}
    assert found(shop, shirts, radius=1) == [0, 1]
    assert [hit.id for hit in shop.search("id:1", where=shirts).hits] == [0, 3]
    both = [
        hit.id
        for options in ({"want": ["red"]}, {"without": ["red"]})
        for hit in shop.search(task="combined", where=shirts, **options).hits
    ]
    assert sorted(both) == [0, 1, 3]
    ranked = shop.search(task="attribute", want=["red"], k=9).hits
    among = shop.search(task="attribute", want=["red"], k=9, where=shirts)
    assert [hit.id for hit in among.hits] == [hit.id for hit in ranked if hit.id != 2]
    assert among.matched == 3


def test_changes_are_seen_by_the_same_filter(shop: Index):
    assert found(shop, {"type": "Shirts"}) == [0, 1, 3]
    shop.update(2, payload={"type": "Shirts"})
    assert found(shop, {"type": "Shirts"}) == [0, 1, 2, 3]
    shop.delete([0])
    assert found(shop, {"type": "Shirts"}) == [1, 2, 3]
    shop.add(QUERY[None], ["x"], [{"type": "Shirts"}])
    assert found(shop, {"type": "Shirts"}) == [4, 1, 2, 3]


def test_few_filters_are_kept(shop: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resident, "FILTERS", 2)
    for _ in range(2):
        for year, expected in ((2012, [0, 1]), (2013, [2, 3]), (2014, [])):
            assert found(shop, {"year": year}) == expected
    assert len(shop._resident._filters) == 2


def test_unknown_fields_name_the_nearest(shop: Index):
    with pytest.raises(DualhashError, match=r"No item has a field 'tpye'. Did you mean 'type'"):
        shop.search(QUERY, where={"tpye": "Shirts"})
    with pytest.raises(DualhashError, match=r"field 'categroy'. Did you mean 'category'"):
        shop.search(QUERY, where={"categroy": "circle"})
