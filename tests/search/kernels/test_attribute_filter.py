import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import unpack
from dualhash.search.kernels import CodeMatrix, attribute_bitmaps, members
from tests.search.kernels.random_codes import cases, heads


@given(st.data(), st.sampled_from([0.5, 0.5, 0.05, 0.9]))
@settings(max_examples=100)
def test_bitmap_marks_probabilities_at_or_above_the_threshold(data: st.DataObject, least: float):
    case = data.draw(cases())
    head = data.draw(heads(8 * case.codes.shape[1]))
    bitmaps = attribute_bitmaps(case.matrix, head, threshold=least, threads=case.threads)
    expected = head.scores(unpack(case.codes)) >= math.log(least / (1 - least))
    for which, bits in enumerate(bitmaps):
        assert members(bits, len(case.codes)).tolist() == expected[:, which].tolist()
        assert members(bits, 64 * len(bits))[len(case.codes) :].sum() == 0


def test_hand_worked_example():
    """Scores 1, -1, 0: one half is enough."""
    head = LinearHead(("red",), np.eye(1, 8, dtype=np.float32) * 2, np.array([-1], np.float32))
    codes = np.array([[0b10000000], [0b00000001]], np.uint8)
    assert members(attribute_bitmaps(CodeMatrix.of(codes), head)[0], 2).tolist() == [True, False]
    even = LinearHead(("red",), np.zeros((1, 8), np.float32), np.zeros(1, np.float32))
    assert members(attribute_bitmaps(CodeMatrix.of(codes), even)[0], 2).tolist() == [True, True]
