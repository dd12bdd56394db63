import numpy as np
import pytest
import torch

from dualhash.baselines.common.hash_function import (
    FEATURES_PER_CHUNK,
    HashFunction,
    HashFunctionLayer,
    RbfKernel,
)

BITS, LENGTH, ANCHORS = 16, 5, 7


def unit(rng: np.random.Generator, rows: int) -> np.ndarray:
    values = rng.standard_normal((rows, LENGTH))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def function(rng: np.random.Generator, *, kernel: bool) -> HashFunction:
    return HashFunction(
        rng.standard_normal((BITS, ANCHORS if kernel else LENGTH)).astype(np.float32),
        rng.standard_normal(BITS).astype(np.float32),
        RbfKernel(unit(rng, ANCHORS), 0.6) if kernel else None,
    )


def test_outputs_hand_worked_example():
    kernel = RbfKernel(np.array([[1, 0], [0, 1]], np.float32), width=1.0)
    made = HashFunction(
        np.array([[1, 0], [1, -1]], np.float32), np.array([-0.5, 0], np.float32), kernel
    )
    # Similarities 1 and exp(-1) give projections 0.5 and 1 - exp(-1).
    expected = 1 / (1 + np.exp([-0.5, np.exp(-1) - 1]))
    np.testing.assert_allclose(made.outputs(np.array([[1, 0]], np.float32)), [expected], rtol=1e-6)


def test_a_projection_of_zero_gives_bit_0():
    made = HashFunction(np.array([[1.0]], np.float32), np.array([0.0], np.float32))
    assert not (made.outputs(np.zeros((1, 1), np.float32)) > 0.5).any()


def test_centred_projections():
    rng = np.random.default_rng(0)
    values, directions, mean = unit(rng, 9), rng.standard_normal((LENGTH, 3)), unit(rng, 1)[0]
    made = HashFunction.of_centred(directions, mean)
    np.testing.assert_allclose(made.project(values), (values - mean) @ directions, atol=1e-5)


@pytest.mark.parametrize("kernel", [False, True])
def test_a_batch_gives_the_outputs_of_single_rows(kernel: bool):
    rng = np.random.default_rng(1)
    made, values = function(rng, kernel=kernel), unit(rng, FEATURES_PER_CHUNK + 3)
    few = [0, FEATURES_PER_CHUNK - 1, FEATURES_PER_CHUNK, FEATURES_PER_CHUNK + 2]
    alone = np.concatenate([made.outputs(values[[row]]) for row in few])
    np.testing.assert_allclose(made.outputs(values)[few], alone, atol=1e-6)


@pytest.mark.parametrize("kernel", [False, True])
def test_the_torch_module_matches_numpy(kernel: bool):
    rng = np.random.default_rng(2)
    made, values = function(rng, kernel=kernel), unit(rng, 50)
    lengths = rng.uniform(0.1, 20, (50, 1)).astype(np.float32)
    with torch.inference_mode():
        found = HashFunctionLayer(made)(torch.from_numpy(values * lengths)).numpy()
    np.testing.assert_allclose(found, made.outputs(values), atol=1e-6)
    assert found.dtype == np.float32
