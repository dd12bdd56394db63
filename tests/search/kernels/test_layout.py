import numpy as np
import pytest
from hypothesis import given

from dualhash.errors import DualhashError
from dualhash.search.kernels import CodeMatrix, bitmap, members, size
from dualhash.search.kernels.layout import spread
from tests.search.kernels.random_codes import Case, cases


@given(cases())
def test_codes_round_trip(case: Case):
    matrix = case.matrix
    assert matrix.count == len(case.codes)
    np.testing.assert_array_equal(matrix.codes(np.arange(matrix.count)), case.codes)
    assert members(matrix.everything, matrix.count).all()
    assert size(matrix.everything) == matrix.count


@given(cases())
def test_a_bitmap_holds_the_given_positions(case: Case):
    made = bitmap(case.allowed)
    np.testing.assert_array_equal(members(made, len(case.allowed)), case.allowed)
    assert size(made) == case.allowed.sum()


def test_added_codes_keep_the_earlier_ones(rng: np.random.Generator):
    codes = rng.integers(0, 256, (1000, 9), dtype=np.uint8)
    versions = [CodeMatrix.of(codes[:0])]
    for start in range(0, 1000, 7):
        versions.append(versions[-1].extended(codes[start : start + 7]))
    for matrix in versions:
        np.testing.assert_array_equal(matrix.codes(np.arange(matrix.count)), codes[: matrix.count])
    assert len({id(matrix.words) for matrix in versions}) < len(versions) / 2


def test_words_are_contiguous_and_blocks_aligned():
    matrix = CodeMatrix.of(np.arange(600 * 16, dtype=np.uint16).astype(np.uint8).reshape(600, 16))
    assert matrix.words.shape[1:] == (2, 512)
    assert matrix.words.ctypes.data % 64 == 0
    assert matrix.words[1, 1, 5].tobytes() == matrix.codes(np.array([517]))[0, 8:].tobytes()


def test_ranking_bits_and_the_others_begin_with_a_word():
    codes = np.arange(2 * 13, dtype=np.uint8).reshape(2, 13)
    matrix = CodeMatrix.of(codes, 24)
    words = matrix.words[0, :, 1].copy().view(np.uint8)
    assert words[:3].tolist() == [13, 14, 15]
    assert words[8:18].tolist() == list(range(16, 26))
    assert (words[3:8].sum(), words[18:].sum(), len(words)) == (0, 0, 24)
    matrix.replace(np.array([1]), codes[:1])
    assert matrix.codes(np.array([1, 0])).tolist() == [codes[0].tolist()] * 2
    weight = spread(np.arange(104.0)[None], 24)
    assert weight.shape == (1, 192)
    assert weight[0, [23, 24, 63, 64, 143, 144]].tolist() == [23, 0, 0, 24, 103, 0]


def test_codes_of_a_different_length_are_refused():
    with pytest.raises(DualhashError, match="Codes of 16 bits cannot be added to codes of 8"):
        CodeMatrix.of(np.zeros((1, 1), np.uint8)).extended(np.zeros((1, 2), np.uint8))
