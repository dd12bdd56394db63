import numpy as np
import pytest
from hypothesis import given

from dualhash.errors import DualhashError
from dualhash.search.kernels import CodeMatrix, bitmap, members, size
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


def test_codes_of_a_different_length_are_refused():
    with pytest.raises(DualhashError, match="Codes of 16 bits cannot be added to codes of 8"):
        CodeMatrix.of(np.zeros((1, 1), np.uint8)).extended(np.zeros((1, 2), np.uint8))
