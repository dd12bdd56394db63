import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dualhash.codes import pack
from dualhash.search.hamming import as_words, distances
from tests.oracles.search import hamming


@given(st.integers(1, 40), st.integers(0, 9), st.integers(0, 2**32))
def test_against_counting(width: int, n: int, seed: int):
    bits = np.random.default_rng(seed).random((n + 1, 8 * width)) < 0.5
    words = as_words(pack(bits))
    assert words.shape == (n + 1, -(-width // 8))
    found = distances(words[0], words)
    assert found.tolist() == [hamming(bits[0].tolist(), row) for row in bits.tolist()]


def test_by_hand():
    codes = np.array([[0b10000011, 0b1], [0b00000011, 0b1], [0b01111100, 0b11111110]], np.uint8)
    assert distances(as_words(codes[0]), as_words(codes)).tolist() == [0, 1, 16]


@given(st.integers(1, 10), st.integers(0, 2**32))
def test_a_metric(width: int, seed: int):
    codes = np.random.default_rng(seed).integers(0, 256, (3, width), np.uint8)
    words = as_words(codes)
    (aa, ab, ac), (ba, _, bc), _ = (distances(word, words).tolist() for word in words)
    assert aa == 0
    assert ab == ba
    assert ac <= ab + bc
