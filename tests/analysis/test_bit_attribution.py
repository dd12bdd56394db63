import numpy as np
import pytest
from hypothesis import given, settings

from dualhash.analysis.bit_attribution import (
    CarriedAttribute,
    attributions,
    carried_attributes,
    label_correlations,
)
from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError
from tests.analysis.small_codes import cases
from tests.oracles.analysis import pearson

HEAD = LinearHead(
    ("red", "old", "none"),
    np.array([[2, -4, 1], [0.5, 0, 0.25], [0, 0, 0]], np.float32),
    np.zeros(3, np.float32),
)


def test_attributions_hand_worked_example():
    expected = [[0.5, -1, 0.25], [1, 0, 0.5], [0, 0, 0]]
    np.testing.assert_array_equal(attributions(HEAD), expected)


def test_attributes_of_a_bit_are_ordered_by_strength():
    assert carried_attributes(HEAD, 0) == (
        CarriedAttribute("old", 1.0),
        CarriedAttribute("red", 0.5),
        CarriedAttribute("none", 0.0),
    )
    assert carried_attributes(HEAD, 1, count=1) == (CarriedAttribute("red", -1.0),)


@settings(max_examples=20)
@given(cases())
def test_attributions_do_not_depend_on_the_scale_of_weights(case):
    scaled = LinearHead(case.head.names, case.head.weight * 8, case.head.bias)
    np.testing.assert_array_equal(attributions(scaled), attributions(case.head))
    assert np.abs(attributions(case.head)).max(axis=1).tolist() == [1, 1, 1]


@pytest.mark.parametrize("bit", [-1, 3])
def test_refuses_an_unknown_bit(bit):
    with pytest.raises(DualhashError, match=rf"no bit {bit}: .* 0 to 2"):
        carried_attributes(HEAD, bit)


@settings(max_examples=30)
@given(cases())
def test_label_correlations_match_numpy_corrcoef(case):
    found = label_correlations(case.bits, case.attributes, case.observed)
    for j, row in enumerate(found):
        known = case.observed[:, j]
        labels = case.attributes[known, j].tolist()
        for i, value in enumerate(row):
            bits = case.bits[known, i].astype(int).tolist()
            if len(set(labels)) < 2 or len(set(bits)) < 2:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(pearson(labels, bits))


def test_label_correlations_hand_worked_example():
    bits = np.array([[1, 0, 1], [1, 1, 1], [0, 1, 1], [0, 1, 0]], bool)
    labels = np.array([[1], [1], [0], [1]], np.int8)
    observed = np.array([[True], [True], [True], [False]])
    # Of the first three images: the first bit has 2 ones, both labelled 1, the third is labelled 0
    # and has none: 1. The second bit: (3 * 1 - 2 * 2) / sqrt(2 * 1 * 2 * 1). The third is constant.
    np.testing.assert_allclose(label_correlations(bits, labels, observed), [[1, -0.5, np.nan]])


@settings(max_examples=20)
@given(cases())
def test_complementing_a_bit_negates_its_correlations(case):
    found = label_correlations(case.bits, case.attributes, case.observed)
    turned = label_correlations(~case.bits, case.attributes, case.observed)
    np.testing.assert_allclose(turned, -found, atol=1e-12)
