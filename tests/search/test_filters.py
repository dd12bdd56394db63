"""Searches among the items with some values."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.ranking import code_cache as resident
from dualhash.search.storage import writer as changes
from dualhash.search.storage.payload_columns import as_text

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
    labels = [ItemLabels("circle"), ItemLabels("square"), ItemLabels("circle"), ItemLabels()]
    with Index.create(tmp_path / "shop.dhx", model) as index:
        index.add(codes, ["x"] * 4, PAYLOADS, labels)
        yield index


def found(index: Index, filters: dict, **options: object) -> list[int]:
    results = index.search(QUERY, filter=filters, **options)
    assert results.matched == len(results.hits)
    return [hit.id for hit in results.hits]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"type": "Shirts"}, [0, 1, 3]),
        ({"type": "Élan 'n' \"co\""}, [2]),
        ({"year": 2012}, [0, 1]),
        ({"year": "2012"}, [0, 1]),
        ({"year": 2012.0}, [0, 1]),
        ({"year": "2012.0"}, [0, 1]),
        ({"price": 1.5}, [0]),
        ({"price": "1.50"}, [0]),
        ({"price": None}, [1]),
        ({"sale": True}, [0]),
        ({"sale": "true"}, [0]),
        ({"category": "circle"}, [0, 2]),
        ({"type": "Shirts", "year": 2013}, [3]),
        ({"type": "Shirts", "category": "square", "year": 2013}, []),
    ],
)
def test_only_items_with_all_values_are_found(shop: Index, filters: dict, expected: list[int]):
    assert found(shop, filters) == expected
    assert found(shop, filters) == expected


def test_filters_combine_with_attributes_and_exclude_the_query(shop: Index):
    shirts = {"type": "Shirts"}
    assert found(shop, shirts, radius=1) == [0, 1]
    assert [hit.id for hit in shop.search("id:1", filter=shirts).hits] == [0, 3]
    both = [
        hit.id
        for options in ({"want": ["red"]}, {"without": ["red"]})
        for hit in shop.search(task="combined", filter=shirts, **options).hits
    ]
    assert sorted(both) == [0, 1, 3]
    ranked = shop.search(task="attribute", want=["red"], k=9).hits
    among = shop.search(task="attribute", want=["red"], k=9, filter=shirts)
    assert [hit.id for hit in among.hits] == [hit.id for hit in ranked if hit.id != 2]
    assert among.matched == 3


def test_a_repeated_filter_sees_changes(shop: Index):
    assert found(shop, {"type": "Shirts"}) == [0, 1, 3]
    shop.update(2, payload={"type": "Shirts"})
    assert found(shop, {"type": "Shirts"}) == [0, 1, 2, 3]
    shop.delete([0])
    assert found(shop, {"type": "Shirts"}) == [1, 2, 3]
    shop.add(QUERY[None], ["x"], [{"type": "Shirts"}])
    assert found(shop, {"type": "Shirts"}) == [4, 1, 2, 3]


def test_the_number_of_cached_filters_is_limited(shop: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resident, "MAX_FILTERS", 2)
    for _ in range(2):
        for year, expected in ((2012, [0, 1]), (2013, [2, 3])):
            assert found(shop, {"year": year}) == expected
            assert found(shop, {"price": None}) == [1]
    assert len(shop._searcher.args[1]._filters) == 2


def test_unknown_fields_suggest_the_nearest(shop: Index):
    with pytest.raises(DualhashError, match=r"No item has a field 'tpye'. Did you mean 'type'"):
        shop.search(QUERY, filter={"tpye": "Shirts"})
    with pytest.raises(DualhashError, match=r"field 'categroy'. Did you mean 'category'"):
        shop.search(QUERY, filter={"categroy": "circle"})


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (
            {"type": "shirts"},
            r"No item has type='shirts'. Did you mean 'Shirts'\? Most common: 'Shirts' \(3\), 'Él",
        ),
        ({"year": 1999}, r"year='1999'. Most common: '2012' \(2\), '2013' \(2\)\.$"),
        ({"sale": 1}, r"No item has sale='1'. Most common: 'false' \(1\), 'true' \(1\)"),
        ({"category": "hats"}, r"category='hats'. Most common: 'circle' \(2\), 'square' \(1\)"),
        ({"type": "Shirts", "category": "hexagon"}, "No item has category='hexagon'"),
    ],
)
def test_values_that_no_item_has_are_named(shop: Index, filters: dict, message: str):
    with pytest.raises(DualhashError, match=message):
        shop.search(QUERY, filter=filters)


def test_empty_cells_are_not_named_as_values(shop: Index):
    shop.add(np.zeros((3, 2), np.uint8), ["x"] * 3, [{"price": None, "size": None}] * 3)
    with pytest.raises(DualhashError, match=r"No item has price='nul'. Most common: '1.5' \(1\)"):
        shop.search(QUERY, filter={"price": "nul"})
    with pytest.raises(DualhashError, match="No item has size='3': size is empty in all"):
        shop.search(QUERY, filter={"size": 3})
    assert found(shop, {"size": None}) == [4, 5, 6]


def test_the_last_item_with_a_value_can_be_deleted(shop: Index):
    assert found(shop, {"price": None}) == [1]
    shop.delete([1])
    with pytest.raises(DualhashError, match=r"No item has price='null'. Most common: '1.5' \(1\)"):
        shop.search(QUERY, filter={"price": None})


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(["a", "b", "1", "", "é\n"]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.integers(0, 1), max_size=2),
)
STEPS = st.lists(
    st.one_of(
        st.lists(st.dictionaries(st.sampled_from("xyz"), VALUES), max_size=90),
        st.tuples(st.sampled_from(["delete", "update"]), st.integers(0, 2**32)),
        st.just(("compact", 0)),
    ),
    max_size=6,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_filters_match_a_dictionary_after_random_changes(tmp_path: Path, model: Model, steps: list):
    """Against a dictionary; one index is searched all the time, another only in the end."""
    path = tmp_path / "any.dhx"
    kept: dict[int, dict] = {}

    def check(index: Index) -> None:
        for field in "xyz":
            texts = {i: as_text(row[field]) for i, row in kept.items() if field in row}
            for text in set(texts.values()):
                results = index.search(QUERY, filter={field: text}, k=1000)
                expected = {i for i, value in texts.items() if value == text}
                assert {hit.id for hit in results.hits} == expected
                assert results.matched == len(expected)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "CODES_PER_BLOCK", 40)
        with Index.create(path, model, replace=True) as index:
            for step in steps:
                if isinstance(step, list):
                    codes = np.zeros((len(step), 2), np.uint8)
                    ids = index.add(codes, ["x"] * len(step), step).tolist()
                    kept |= dict(zip(ids, step, strict=True))
                elif step[0] == "compact":
                    index.compact()
                elif kept:
                    rng = np.random.default_rng(step[1])
                    chosen = rng.choice(list(kept), int(rng.integers(1, len(kept) + 1)), False)
                    if step[0] == "delete":
                        index.delete(chosen)
                        kept = {i: row for i, row in kept.items() if i not in chosen}
                    else:
                        kept[int(chosen[0])] = {"x": "new"}
                        index.update(chosen[0], payload={"x": "new"})
                check(index)
            assert not index.verify()
        with Index.open(path) as index:
            check(index)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE columns SET texts = '[]' WHERE field = 'type'",
        "UPDATE columns SET which = zeroblob(8) WHERE field = 'type'",
        "UPDATE columns SET field = 'tipe' WHERE field = 'type'",
        "DELETE FROM columns WHERE field = 'type'",
        "DELETE FROM fields",
        "UPDATE fields SET names = '[\"year\"]'",
        "UPDATE fields SET count = 3",
    ],
)
def test_damaged_fields_are_not_served(shop: Index, damage: str):
    with closing(sqlite3.connect(shop.path)) as connection:
        connection.execute(damage)
        connection.commit()
    with pytest.raises(DualhashError, match=r"shop.dhx is damaged: "):
        shop.search(QUERY, filter={"type": "Shirts"})
    assert shop.verify()
    assert len(shop.search(QUERY).hits) == 4
