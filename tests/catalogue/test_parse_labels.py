from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.catalogue import parse_labels
from dualhash.catalogue.catalogue import Subset


def cells(*values: str | None) -> pl.Series:
    return pl.Series("x", values, pl.String)


def test_text_strips_spaces_and_empty_cells_become_null():
    assert parse_labels.text(cells(" a b ", "", "  ", None, "0")).to_list() == [
        "a b",
        None,
        None,
        None,
        "0",
    ]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series([1, 0, None]), ["1", "0", None]),
        (pl.Series([1.0, None]), ["1.0", None]),
        (pl.Series([True, False, None]), ["true", "false", None]),
        (pl.Series(["a", "b", None], dtype=pl.Categorical), ["a", "b", None]),
        (pl.Series([None, None, None]), [None, None, None]),
    ],
)
def test_text_of_other_types(column: pl.Series, expected: list[str | None]):
    assert parse_labels.text(column).to_list() == expected


def test_binary_hand_worked_example():
    present, observed = parse_labels.binary(
        cells("1", "0", None, "Yes", "NO", "true", "False", "1.0", "0.0", "2", "maybe")
    )
    assert present.tolist() == [1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0]
    assert observed.tolist() == [True, True, False, *[True] * 6, False, False]
    assert present.dtype == np.int8


def test_an_empty_facet_gives_missing_attributes():
    present, observed = parse_labels.facet(cells("red", None, "blue", "Red"), "red")
    assert present.tolist() == [1, 0, 0, 0]
    assert observed.tolist() == [True, False, True, True]


def test_indices_hand_worked_example():
    assert parse_labels.indices(cells("b", None, "a", "c"), ("a", "b")).tolist() == [1, -1, 0, -1]


def test_groups_are_equal_for_equal_text_only():
    groups = parse_labels.groups(cells("b", None, "a", None, "b"))
    assert groups[0] == groups[4]
    assert len(set(groups.tolist())) == 4


class TestDerivedSubsets:
    def test_follow_the_labels(self):
        n = 400
        names = [f"{i}.jpg" for i in range(n)]
        has_category, has_attribute = np.arange(n) % 4 < 2, np.arange(n) % 2 == 0
        found = parse_labels.derived_subsets(names, has_category, has_attribute)
        expected = [Subset.TRAIN_BOTH, Subset.TRAIN_CATEGORY, Subset.TRAIN_ATTRIBUTE, -1]
        for kind in range(3):
            assert set(found[kind::4].tolist()) == {expected[kind], Subset.TEST}
        assert set(found[3::4].tolist()) == {-1}

    def test_a_tenth_is_test(self):
        n = 5000
        every = np.ones(n, bool)
        found = Counter(
            parse_labels.derived_subsets([f"images/{i}.jpg" for i in range(n)], every, every)
        )
        assert 420 < found[Subset.TEST] < 580

    def test_the_test_images_never_change(self):
        names = [f"{i}.jpg" for i in range(40)]
        found = parse_labels.derived_subsets(names, np.ones(40, bool), np.zeros(40, bool))
        assert np.flatnonzero(found == Subset.TEST).tolist() == [6, 7, 9, 22, 34]

    @given(st.lists(st.text(), min_size=1, max_size=20), st.data())
    def test_an_image_keeps_its_subset_if_images_are_added(self, names, data):
        more = data.draw(st.lists(st.text(), max_size=20))
        few = parse_labels.derived_subsets(
            names, np.ones(len(names), bool), np.ones(len(names), bool)
        )
        n = len(names + more)
        many = parse_labels.derived_subsets(names + more, np.ones(n, bool), np.ones(n, bool))
        assert many[: len(names)].tolist() == few.tolist()
