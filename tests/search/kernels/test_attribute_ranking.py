import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import unpack
from dualhash.search.kernels import (
    CodeMatrix,
    attribute_bounds,
    bitmap,
    joint_probability,
    most_probable,
)
from tests.search.kernels.random_codes import cases, heads


@given(st.data(), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=200)
def test_most_probable_codes_match_a_full_sort(
    data: st.DataObject, filtered: bool, hinted: bool, bounded: bool
):
    case = data.draw(cases())
    head = data.draw(heads(8 * case.codes.shape[1]))
    functions = len(head.names)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=functions, max_size=functions)))
    scores = head.scores(unpack(case.codes))
    products = joint_probability(scores, wanted)
    rows = np.flatnonzero(case.allowed) if filtered else np.arange(len(products))
    expected = rows[np.lexsort((rows, -products[rows]))][: case.k]
    highest = attribute_bounds(case.matrix, head, threads=case.threads)
    found, positions = most_probable(
        case.matrix,
        head,
        wanted,
        case.k,
        bounds=list(highest[range(functions), wanted.astype(int)]) if bounded else None,
        allowed=bitmap(case.allowed) if filtered else None,
        likely=[bitmap(column) for column in ((scores >= 0) == wanted).T] if hinted else None,
        threads=case.threads,
    )
    assert positions.tolist() == expected.tolist()
    assert found.tolist() == products[expected].tolist()


@given(st.data())
def test_no_probability_of_a_group_is_above_its_bound(data: st.DataObject):
    case = data.draw(cases())
    head = data.draw(heads(8 * case.codes.shape[1]))
    scores = head.scores(unpack(case.codes))
    first = data.draw(st.integers(0, len(case.codes) // 64))
    highest = attribute_bounds(case.matrix, head, first=first)
    assert highest.shape == (len(head.names), 2, -(-len(case.codes) // 64) - first)
    for group in range(highest.shape[2]):
        part = scores[64 * (first + group) :][:64]
        for which in range(len(head.names)):
            for wanted in (0, 1):
                products = joint_probability(part[:, [which]], np.array([bool(wanted)]))
                assert products.max() <= highest[which, wanted, group]


def test_bounds_are_close_to_the_probabilities():
    weight = np.zeros((1, 8), np.float32)
    weight[0, 0], weight[0, 1] = 2, -1
    head = LinearHead(("red",), weight, np.array([1], np.float32))
    codes = np.array([[0], [0b10000000]] * 32 + [[0b01000000]] * 64, np.uint8)
    (highest,) = attribute_bounds(CodeMatrix.of(codes), head)
    expected = 1 / (1 + np.exp([[1, 0], [-3, 0]]))
    np.testing.assert_allclose(highest, expected, rtol=0.02)
    assert (highest >= expected).all()


def test_hand_worked_example():
    """Scores of the two attributes: (1, 1), (1, -1), (-1, 1), (-1, -1)."""
    weight = np.zeros((2, 8), np.float32)
    weight[0, 0] = weight[1, 1] = 2
    head = LinearHead(("red", "round"), weight, np.array([-1, -1], np.float32))
    codes = np.array([[0b11000000], [0b10000000], [0b01000000], [0]], np.uint8)
    p = 1 / (1 + np.exp(-1))
    found, positions = most_probable(CodeMatrix.of(codes), head, np.array([True, False]), 4)
    assert positions.tolist() == [1, 0, 3, 2]
    np.testing.assert_allclose(found, [p * p, p * (1 - p), p * (1 - p), (1 - p) ** 2], rtol=1e-15)


def test_codes_below_one_half_can_have_the_largest_product():
    """0.55 * 0.55 is less than 0.9999 * 0.49, which is looked at second."""
    weight = np.zeros((2, 8), np.float32)
    weight[:, 0], weight[:, 1] = 0.2, (9, -0.04)
    head = LinearHead(("red", "round"), weight, np.zeros(2, np.float32))
    codes = np.array([[0b10000000], [0b01000000]], np.uint8)
    wanted = np.array([True, True])
    likely = [bitmap(np.array([True, True])), bitmap(np.array([True, False]))]
    found, positions = most_probable(CodeMatrix.of(codes), head, wanted, 1, likely=likely)
    assert positions.tolist() == [1]
    assert found[0] == pytest.approx(0.4899, abs=1e-3)
