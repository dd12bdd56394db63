import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.codes import pack, quantise, unpack
from dualhash.errors import DualhashError


def test_the_first_unit_is_the_highest_bit():
    bits = np.array([1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1], bool)
    assert pack(bits).tolist() == [0b10000011, 0b00000001]


def test_an_output_of_one_half_gives_bit_0():
    outputs = np.array([0.0, 0.5, np.nextafter(np.float32(0.5), np.float32(1)), 1.0], np.float32)
    assert quantise(outputs).tolist() == [False, False, True, True]


@given(st.lists(st.integers(0, 4), max_size=2), st.integers(1, 9), st.integers(0, 2**32))
def test_unpacking_undoes_packing(shape: list[int], width: int, seed: int):
    bits = np.random.default_rng(seed).random((*shape, 8 * width)) < 0.5
    packed = pack(bits)
    assert packed.dtype == np.uint8
    assert packed.shape == (*shape, width)
    back = unpack(packed)
    assert back.dtype == np.bool_
    np.testing.assert_array_equal(back, bits)


@pytest.mark.parametrize("bits", [0, 4, 12])
def test_lengths_that_are_not_multiples_of_8_are_refused(bits: int):
    with pytest.raises(DualhashError, match=f"positive multiple of 8, not {bits}"):
        pack(np.zeros((3, bits), bool))
