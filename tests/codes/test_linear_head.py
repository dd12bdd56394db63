import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.codes import LinearHead, pack
from dualhash.codes.linear_head import CODES_PER_CHUNK, sigmoid
from tests.oracles.search import probability


def random_head(
    rng: np.random.Generator, outputs: int, bits: int, *, spread: int = 0
) -> LinearHead:
    """Weights around 1, or over `spread` orders of magnitude below."""
    scale = 10.0 ** -rng.integers(0, spread + 1, size=(outputs, bits))
    weight = (rng.normal(size=(outputs, bits)) * scale).astype(np.float32)
    names = tuple(f"a{j}" for j in range(outputs))
    return LinearHead(names, weight, rng.normal(size=outputs).astype(np.float32))


def test_scores_hand_worked_example():
    weight = np.array([[1, -2, 0.5, 0, 0, 0, 0, 4]], np.float32)
    head = LinearHead(("red",), weight, np.array([0.25], np.float32))
    bits = np.array([[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 1]], bool)
    assert head.scores(bits).tolist() == [[-0.75], [4.75]]
    assert head.code_scores(pack(bits)).tolist() == [[-0.75], [4.75]]
    assert head.probabilities(bits)[0, 0] == pytest.approx(0.320821, abs=1e-6)


@given(st.integers(0, 2**32), st.integers(0, 6), st.integers(1, 5), st.integers(1, 6))
def test_scores_equal_exact_sums(seed: int, n: int, outputs: int, width: int):
    rng = np.random.default_rng(seed)
    head = random_head(rng, outputs, 8 * width, spread=6)
    bits = rng.random((n, 8 * width)) < 0.5
    weights = list(zip(head.weight.tolist(), head.bias.tolist(), strict=True))
    naive = [[probability(row, w, c) for w, c in weights] for row in bits.tolist()]
    np.testing.assert_allclose(head.probabilities(bits), np.reshape(naive, (n, outputs)), rtol=1e-5)
    assert head.scores(bits).dtype == np.float32


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_scores_do_not_depend_on_order_or_batch(seed: int):
    """What must hold if results ordered by scores are to be the same everywhere."""
    rng = np.random.default_rng(seed)
    head = random_head(rng, 7, 256, spread=12)
    bits = rng.random((40, 256)) < 0.5
    whole = head.scores(bits)
    order = rng.permutation(256)
    shuffled = LinearHead(head.names, head.weight[:, order], head.bias)
    np.testing.assert_array_equal(shuffled.scores(bits[:, order]), whole)
    np.testing.assert_array_equal(
        np.vstack([head.scores(bits[i : i + 1]) for i in range(40)]), whole
    )
    np.testing.assert_array_equal(head.take([5, 2]).scores(bits), whole[:, [5, 2]])


def test_scores_do_not_depend_on_the_direction_of_rounding():
    """1 + 2^-24 is halfway between two float32; what comes after it must not tip it by order."""
    weight = np.array([1, 2.0**-24, *[2.0**-54] * 6], np.float32)
    rng = np.random.default_rng(0)
    found = {
        float(
            LinearHead(("a",), rng.permuted(weight)[None], np.zeros(1, np.float32)).scores(
                np.ones((1, 8), bool)
            )[0, 0]
        )
        for _ in range(100)
    }
    assert found == {1.0}


def test_long_tables_are_scored_in_chunks():
    rng = np.random.default_rng(0)
    head = random_head(rng, 2, 16)
    bits = rng.random((CODES_PER_CHUNK + 3, 16)) < 0.5
    np.testing.assert_array_equal(head.code_scores(pack(bits)), head.scores(bits))


def test_take_keeps_names_with_their_rows():
    head = random_head(np.random.default_rng(0), 4, 8).take([3, 0])
    assert head.names == ("a3", "a0")


def test_empty_heads_and_empty_codes():
    head = LinearHead((), np.zeros((0, 16), np.float32), np.zeros(0, np.float32))
    assert head.code_scores(np.zeros((3, 2), np.uint8)).shape == (3, 0)
    some = random_head(np.random.default_rng(0), 4, 16)
    assert some.code_scores(np.zeros((0, 2), np.uint8)).shape == (0, 4)


def test_zero_weights_give_the_bias():
    head = LinearHead(("a",), np.zeros((1, 8), np.float32), np.zeros(1, np.float32))
    assert head.probabilities(np.ones((1, 8), bool)).tolist() == [[0.5]]


def test_the_sigmoid_is_exact_for_large_and_small_scores():
    assert sigmoid(np.array([-1e6, 0, 1e6])).tolist() == [0.0, 0.5, 1.0]
    assert sigmoid(np.array([-40.0]))[0] == pytest.approx(4.248354e-18, rel=1e-6)
