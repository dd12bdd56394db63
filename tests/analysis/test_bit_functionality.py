import numpy as np
import pytest
from hypothesis import given, settings

from dualhash.analysis.bit_functionality import BitFunctionality, bit_functionality
from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError
from tests.analysis.small_codes import cases, make_case
from tests.oracles.analysis import pearson, printed_sum, same_pairs


def whole(case):
    """The same with every label known, where the paper's figures are exactly as printed."""
    return case._replace(categories=np.abs(case.categories), observed=np.ones_like(case.observed))


@settings(max_examples=30)
@given(cases().map(whole))
def test_matches_the_equation_of_the_paper(case):
    found = bit_functionality(*case)
    categories = case.categories.tolist()
    columns = case.bits.T.astype(int).tolist()
    category = [printed_sum(column, categories) for column in columns]
    attribute = [sum(abs(float(row[i])) for row in case.head.weight) for i in range(len(columns))]
    alignment = [printed_sum(column, categories) for column in case.attributes.T.tolist()]
    pairs = same_pairs(categories)
    np.testing.assert_allclose(
        np.array(found.category_information) * pairs, category, rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(found.attribute_information, attribute)
    np.testing.assert_allclose(
        [a.alignment * pairs for a in found.attributes], alignment, rtol=1e-9, atol=1e-9
    )
    if np.ptp(category) > 1e-9:
        assert found.correlation.value == pytest.approx(pearson(category, attribute))
        shared = [pearson(np.abs(row).tolist(), category) for row in case.head.weight]
        assert [a.shared for a in found.attributes] == pytest.approx(shared)
        if np.ptp(alignment) > 1e-9:
            expected = pearson(alignment, shared)
            assert found.alignment_correlation.value == pytest.approx(expected)


def test_hand_worked_example():
    # The first bit is the category, the second the attribute, which knows nothing of categories;
    # the third is constant. The head reads the attribute from the second bit alone.
    categories = np.array([0, 0, 1, 1])
    bits = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
    head = LinearHead(("red",), np.array([[0, -2, 0]], np.float32), np.zeros(1, np.float32))
    observed = np.array([[True], [True], [True], [False]])
    found = bit_functionality(bits, categories, bits[:, 1:2].astype(np.int8), observed, head)
    # Pairs of one category: 8, of which the second bit differs in 4; of two: 8, of which in 4.
    assert found.category_information == (1, 0, 0)
    assert found.attribute_information == (0, 2, 0)
    assert found.ones == (0.5, 0.5, 1)
    assert found.correlation.value == pytest.approx(-0.5)
    (red,) = found.attributes
    # Without the last image: 5 pairs of one category, 2 of which differ; 4 of two, 2 of which do.
    assert red.alignment == pytest.approx(2 / 4 - 2 / 5)
    assert red.shared == pytest.approx(-0.5)
    assert (red.present, red.absent, red.missing) == (1, 2, 1)
    assert found.alignment_correlation.value is None
    assert (found.images, found.images_without_category, found.categories) == (4, 0, 2)


@settings(max_examples=20)
@given(cases())
def test_the_order_of_images_does_not_matter(case):
    found, turned = (
        bit_functionality(*case),
        bit_functionality(*case.take(np.arange(len(case.bits))[::-1])),
    )
    np.testing.assert_allclose(found.category_information, turned.category_information, atol=1e-12)
    assert [a.present for a in found.attributes] == [a.present for a in turned.attributes]


@settings(max_examples=20)
@given(cases())
def test_complementing_a_bit_changes_nothing(case):
    complement = LinearHead(case.head.names, -case.head.weight, case.head.bias)
    found = bit_functionality(*case)
    turned = bit_functionality(~case.bits, *case[1:4], complement)
    np.testing.assert_allclose(found.category_information, turned.category_information, atol=1e-12)
    assert found.attribute_information == turned.attribute_information
    np.testing.assert_allclose(found.ones, 1 - np.array(turned.ones))


@settings(max_examples=20)
@given(cases())
def test_images_without_a_category_are_left_out_and_counted(case):
    labelled = case.take(np.flatnonzero(case.categories >= 0))
    found, expected = bit_functionality(*case), bit_functionality(*labelled)
    assert found.images_without_category == len(case.bits) - len(labelled.bits)
    assert found.model_copy(update={"images_without_category": 0}) == expected


def test_json_round_trip():
    found = bit_functionality(*make_case(0))
    assert BitFunctionality.model_validate_json(found.model_dump_json()) == found


def test_refuses_a_single_category():
    head = LinearHead((), np.zeros((0, 8), np.float32), np.zeros(0, np.float32))
    nothing = np.zeros((3, 0))
    with pytest.raises(DualhashError, match="here are 2 images of 1"):
        bit_functionality(
            np.zeros((3, 8), bool),
            np.array([4, 4, -1]),
            nothing.astype(np.int8),
            nothing.astype(bool),
            head,
        )
