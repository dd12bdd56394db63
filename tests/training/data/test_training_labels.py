from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.catalogue.catalogue import Catalogue
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.training.data.training_labels import (
    check_trainable,
    restrict,
    split_validation,
    training_catalogue,
)
from tests.training.tiny_training import make_config


def labels_of(categories: list[int], attributes: list[int] | None = None) -> TrueLabels:
    n = len(categories)
    values = np.array(attributes or [0] * n, np.int8)[:, None]
    return TrueLabels(np.array(categories), np.maximum(values, 0), values >= 0)


def split(
    labels: TrueLabels,
    fraction: float = 0.1,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    return split_validation(labels, fraction, np.random.default_rng(seed), groups)


def test_validation_takes_the_fraction_of_each_category():
    rows = split(labels_of([0] * 40 + [1] * 20 + [-1] * 30))
    assert np.bincount(rows // 10, minlength=9)[:4].sum() == 4
    assert ((rows >= 40) & (rows < 60)).sum() == 2
    assert (rows >= 60).sum() == 3


def test_only_categories_of_two_or_more_images_are_split():
    rows = split(labels_of([0, 1, 1, 2, 2, 2]))
    assert 0 not in rows
    assert len(rows) == 2


@given(
    st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 1)), min_size=1, max_size=40),
    st.floats(0.01, 0.5),
)
def test_training_keeps_every_category_and_both_labels_of_attributes(
    pairs: list[tuple[int, int]], fraction: float
):
    labels = labels_of([c for c, _ in pairs], [a for _, a in pairs])
    rows = split(labels, fraction)
    kept = np.delete(np.arange(len(pairs)), rows)
    assert set(labels.categories[kept]) == set(labels.categories)
    for value in (0, 1):
        has = labels.observed & (labels.attributes == value)
        assert has[kept].any() == has.any()
    assert np.array_equal(rows, np.unique(rows))


def test_the_split_is_deterministic_for_a_generator():
    labels = labels_of([0] * 100)
    assert np.array_equal(split(labels, seed=1), split(labels, seed=1))
    assert not np.array_equal(split(labels, seed=1), split(labels, seed=2))


def test_groups_of_one_image_change_nothing():
    labels = labels_of([0] * 40 + [1] * 7 + [-1] * 30)
    assert split(labels).tolist() == [14, 16, 27, 29, 43, 49, 58, 73]
    assert split(labels, groups=np.arange(77)).tolist() == split(labels).tolist()


@given(
    st.lists(
        st.tuples(st.integers(-1, 3), st.integers(-1, 1), st.integers(0, 9)),
        min_size=1,
        max_size=60,
    ),
    st.floats(0.01, 0.5),
)
def test_groups_stay_together_and_training_keeps_every_label(
    triples: list[tuple[int, int, int]], fraction: float
):
    labels = labels_of([c for c, _, _ in triples], [a for _, a, _ in triples])
    groups = np.array([group for _, _, group in triples])
    chosen = np.isin(np.arange(len(triples)), split(labels, fraction, groups=groups))
    assert not set(groups[chosen]) & set(groups[~chosen])
    assert set(labels.categories[~chosen]) == set(labels.categories)
    for value in (0, 1):
        has = labels.observed & (labels.attributes == value)
        assert has[~chosen].any() == has.any()


def test_groups_are_chosen_until_the_fraction_is_reached():
    groups = np.repeat(np.arange(20), 5)
    assert len(split(labels_of([0] * 100), 0.1, groups=groups)) == 10
    assert len(split(labels_of([0] * 100), 0.1, groups=np.repeat([0, 1], 50))) == 0


def test_training_sees_only_its_subsets_and_labels(tiny: Catalogue):
    seen, rows = restrict(training_catalogue(tiny), make_config())
    assert np.array_equal(rows, np.arange(len(seen)))
    assert 3 not in seen.subsets
    assert (seen.categories[seen.subsets == 1] == -1).all()
    assert not seen.observed[seen.subsets == 2].any()


def test_a_catalogue_without_training_images_is_refused(tiny: Catalogue):
    only_test = replace(tiny, subsets=np.full(len(tiny), 3, np.int8))
    with pytest.raises(DualhashError, match="tiny has no images to train on"):
        training_catalogue(only_test)


def test_a_facet_without_attribute_is_refused(tiny: Catalogue):
    payload = tiny.payload.with_columns(colour=pl.lit("red"))
    columns = tiny.columns.model_copy(update={"facets": ("colour",), "min_positives": 1_000})
    with pytest.raises(
        DualhashError, match="facet 'colour' gives no attribute: no value has at least 1,000"
    ):
        training_catalogue(replace(tiny, payload=payload, columns=columns))


def test_a_catalogue_without_labels_is_refused(tiny: Catalogue):
    empty = TrueLabels(np.full(4, -1), np.zeros((4, 2), np.int8), np.zeros((4, 2), bool))
    with pytest.raises(DualhashError, match="has a category or an attribute"):
        check_trainable(empty, tiny)


def test_a_single_category_is_refused(tiny: Catalogue):
    single = TrueLabels(np.ones(4, np.int64), tiny.attributes[:4], tiny.observed[:4])
    with pytest.raises(DualhashError, match="'c1'"):
        check_trainable(single, tiny)


@pytest.mark.parametrize(("value", "message"), [(0, "never present"), (1, "never absent")])
def test_a_constant_attribute_is_refused(tiny: Catalogue, value: int, message: str):
    attributes = tiny.attributes.copy()
    attributes[:, 1] = value
    with pytest.raises(DualhashError, match=f"'left' is {message}"):
        check_trainable(TrueLabels(tiny.categories, attributes, tiny.observed), tiny)
