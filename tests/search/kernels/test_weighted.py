import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import unpack
from dualhash.search.kernels import CodeMatrix, bitmap, weighted_nearest
from dualhash.search.kernels.weighted import minus_log_probability
from tests.oracles.search import weighted_cost
from tests.search.kernels.random_codes import cases, heads


@given(st.data(), st.booleans(), st.booleans(), st.sampled_from([0, 0.3, 2, 50]))
@settings(max_examples=150)
def test_codes_of_least_cost_match_a_full_sort(
    data: st.DataObject, filtered: bool, hinted: bool, weight: float
):
    case = data.draw(cases(most=400))
    head = data.draw(heads(8 * case.codes.shape[1]))
    functions = len(head.names)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=functions, max_size=functions)))
    query = np.random.default_rng(0).integers(0, 256, case.codes.shape[1], dtype=np.uint8)
    if len(case.codes):
        query = case.codes[0] ^ (query & 1)
    scores = head.scores(unpack(case.codes)).astype(np.float64)
    signed = np.where(wanted, scores, -scores)
    distances = case.distances(query)
    costs = np.array(
        [
            distance + weight * sum(map(minus_log_probability, row))
            for distance, row in zip(distances.tolist(), signed.tolist(), strict=True)
        ]
    ).reshape(-1)
    rows = np.flatnonzero(case.allowed) if filtered else np.arange(len(costs))
    expected = rows[np.lexsort((rows, costs[rows]))][: case.k]
    found, positions = weighted_nearest(
        case.matrix,
        query,
        head,
        wanted,
        weight,
        case.k,
        allowed=bitmap(case.allowed) if filtered else None,
        likely=bitmap(((scores >= 0) == wanted).all(axis=1)) if hinted else None,
        threads=case.threads,
    )
    assert positions.tolist() == expected.tolist()
    np.testing.assert_allclose(found, costs[expected], rtol=1e-12)


@given(st.integers(0, 2**32), st.sampled_from([0.5, 7]))
def test_costs_match_a_naive_loop(seed: int, weight: float):
    rng = np.random.default_rng(seed)
    head = LinearHead(("a", "b"), rng.normal(size=(2, 24)).astype(np.float32), np.ones(2, "f4"))
    codes = rng.integers(0, 256, (20, 3), dtype=np.uint8)
    wanted = np.array([True, False])
    found, positions = weighted_nearest(CodeMatrix.of(codes), codes[0], head, wanted, weight, 20)
    rows = unpack(codes).tolist()
    pairs = [(w.tolist(), float(b)) for w, b in zip(head.weight, head.bias, strict=True)]
    expected = [weighted_cost(rows[0], rows[i], pairs, [True, False], weight) for i in positions]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert expected == pytest.approx(sorted(expected))


@given(st.floats(-1000, 1000))
def test_negative_log_probability_matches_numpy(score: float):
    expected = max(-score, 0) + math.log1p(math.exp(-abs(score)))
    assert minus_log_probability(score) == pytest.approx(expected, rel=1e-14)


def test_hand_worked_example():
    """An even chance costs log 2, a certain value nothing, a hopeless one its score."""
    assert minus_log_probability(0.0) == pytest.approx(math.log(2), rel=1e-15)
    assert minus_log_probability(800.0) == 0
    assert minus_log_probability(-500.0) == 500
    head = LinearHead(("red",), np.zeros((1, 8), np.float32), np.zeros(1, np.float32))
    codes = np.array([[3], [0], [1]], np.uint8)
    query = np.zeros(1, np.uint8)
    found, positions = weighted_nearest(CodeMatrix.of(codes), query, head, np.array([True]), 2.0, 2)
    assert positions.tolist() == [1, 2]
    assert found.tolist() == pytest.approx([2 * math.log(2), 1 + 2 * math.log(2)])


def test_a_code_below_one_half_can_be_the_best():
    """8 bits away and certain costs 8; no bit away at p = 0.49 costs 7.13, and is seen second."""
    weight = np.zeros((1, 16), np.float32)
    weight[0, 0] = 40
    head = LinearHead(("red",), weight, np.array([-0.04], np.float32))
    codes = np.array([[0b11111111, 0], [0, 0], [0, 0b11]], np.uint8)
    found, positions = weighted_nearest(
        CodeMatrix.of(codes),
        np.zeros(2, np.uint8),
        head,
        np.array([True]),
        10.0,
        1,
        likely=bitmap(np.array([True, False, False])),
    )
    assert positions.tolist() == [1]
    assert found == pytest.approx([7.13], abs=0.01)
