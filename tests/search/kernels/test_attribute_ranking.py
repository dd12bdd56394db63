import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import unpack
from dualhash.search.kernels import CodeMatrix, bitmap, joint_probability, most_probable
from tests.search.kernels.random_codes import cases, heads


@given(st.data(), st.booleans(), st.booleans())
@settings(max_examples=150)
def test_most_probable_codes_match_a_full_sort(data: st.DataObject, filtered: bool, hinted: bool):
    case = data.draw(cases())
    head = data.draw(heads(8 * case.codes.shape[1]))
    functions = len(head.names)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=functions, max_size=functions)))
    scores = head.scores(unpack(case.codes))
    products = joint_probability(scores, wanted)
    rows = np.flatnonzero(case.allowed) if filtered else np.arange(len(products))
    expected = rows[np.lexsort((rows, -products[rows]))][: case.k]
    found, positions = most_probable(
        case.matrix,
        head,
        wanted,
        case.k,
        allowed=bitmap(case.allowed) if filtered else None,
        likely=[bitmap(column) for column in ((scores >= 0) == wanted).T] if hinted else None,
        threads=case.threads,
    )
    assert positions.tolist() == expected.tolist()
    assert found.tolist() == products[expected].tolist()


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
