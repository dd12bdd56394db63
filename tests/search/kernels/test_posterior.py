import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import unpack
from dualhash.search.kernels import (
    CodeMatrix,
    bitmap,
    category_posteriors,
    joint_probability,
    most_posterior,
)
from dualhash.search.kernels.sigmoid import exp_of_minus
from tests.oracles import search as oracle
from tests.search.kernels.random_codes import cases, heads

NO_ATTRIBUTES = np.empty(0, np.bool_)


def no_attribute_head(bits: int) -> LinearHead:
    return LinearHead((), np.zeros((0, bits), np.float32), np.zeros(0, np.float32))


@st.composite
def category_heads(draw: st.DrawFn, bits: int) -> LinearHead:
    """Of few or many categories, sure or unsure, some with equal weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.sampled_from([1, 2, 4, 7, 300]))
    weight = rng.normal(0, draw(st.sampled_from([0, 0.05, 1, 300])), (count, bits))
    weight[rng.random(count) < 0.3] = weight[0]
    names = tuple(map(str, range(count)))
    return LinearHead(names, weight.astype(np.float32), rng.normal(size=count).astype(np.float32))


@given(
    st.data(),
    st.booleans(),
    st.sampled_from([1e-300, 1e-3, 1]),
    st.sampled_from([0.3, 4, 32, 1e6]),
    st.booleans(),
)
@settings(max_examples=200)
def test_codes_of_largest_posterior_match_a_full_sort(
    data: st.DataObject, filtered: bool, epsilon: float, tau: float, named: bool
):
    case = data.draw(cases(most=400))
    bits = 8 * case.codes.shape[1]
    category_head, head = data.draw(category_heads(bits)), data.draw(heads(bits))
    head = head.take(range(data.draw(st.integers(0, len(head.names)))))
    size = len(head.names)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)), np.bool_)
    query = np.random.default_rng(0).integers(0, 256, case.codes.shape[1], dtype=np.uint8)
    if len(case.codes):
        query = case.codes[0] ^ (query & 1)
    categories = category_posteriors(category_head, case.ranking_bits).extended(case.matrix)
    wished, distances = categories.probabilities(query[None])[0], case.distances(query)
    if named:
        wished, distances = np.eye(len(wished))[-1], np.zeros_like(distances)
    decay = np.array([exp_of_minus(min(distance / tau, 745.0)) for distance in distances.tolist()])
    joint = joint_probability(head.scores(unpack(case.codes)), wanted)
    posteriors = (epsilon + categories.agreement(case.codes, wished)) * (decay * joint)
    rows = np.flatnonzero(case.allowed) if filtered else np.arange(len(posteriors))
    expected = rows[np.lexsort((rows, -posteriors[rows]))][: case.k]
    found, positions = most_posterior(
        case.matrix,
        categories,
        wished,
        head,
        wanted,
        case.k,
        epsilon=epsilon,
        tau=tau,
        query=None if named else query,
        allowed=bitmap(case.allowed) if filtered else None,
        threads=case.threads,
    )
    assert positions.tolist() == expected.tolist()
    assert found.tolist() == posteriors[expected].tolist()


@given(st.integers(0, 2**32), st.sampled_from([0.1, 1]))
def test_scores_match_a_naive_loop(seed: int, epsilon: float):
    rng = np.random.default_rng(seed)
    category_head, head = (
        LinearHead(names, rng.normal(size=(len(names), 24)).astype("f4"), np.ones(len(names), "f4"))
        for names in (tuple("klmnopq"), tuple("ab"))
    )
    codes = rng.integers(0, 256, (20, 3), dtype=np.uint8)
    wanted = np.array([True, False])
    categories = category_posteriors(category_head).extended(CodeMatrix.of(codes))
    wished = categories.probabilities(codes[:1])[0]
    found, positions = most_posterior(
        CodeMatrix.of(codes),
        categories,
        wished,
        head,
        wanted,
        20,
        epsilon=epsilon,
        tau=8,
        query=codes[0],
    )
    rows = unpack(codes).tolist()
    of_category, of_attribute = (
        [(w.tolist(), float(b)) for w, b in zip(each.weight, each.bias, strict=True)]
        for each in (category_head, head)
    )
    np.testing.assert_allclose(wished, oracle.softmax(rows[0], of_category), rtol=1e-5)
    expected = [
        oracle.posterior_score(
            oracle.softmax(rows[0], of_category),
            rows[i],
            of_category,
            of_attribute,
            wanted.tolist(),
            epsilon=epsilon,
            distance_share=oracle.hamming(rows[0], rows[i]) / 8,
        )
        for i in positions
    ]
    np.testing.assert_allclose(np.log(found), expected, rtol=1e-5, atol=1e-5)


def test_hand_worked_example():
    """Scores of the categories are bit 0, bit 1 and 0, times log 3; red is certain with bit 7."""
    weight = np.zeros((3, 8), np.float32)
    weight[0, 0] = weight[1, 1] = math.log(3)
    head = LinearHead(("red",), np.eye(8, dtype=np.float32)[7:] * 40, np.full(1, -0.0, np.float32))
    codes = np.array([[0b10000000], [0b01000001], [0b10000001], [0]], np.uint8)
    category_head = LinearHead(tuple("klm"), weight, np.zeros(3, np.float32))
    categories = category_posteriors(category_head).extended(CodeMatrix.of(codes))
    probabilities = categories.probabilities(codes)
    np.testing.assert_allclose(probabilities[0], [0.6, 0.2, 0.2], rtol=1e-6)
    np.testing.assert_allclose(probabilities[3], [1 / 3] * 3, rtol=1e-6)
    found, positions = most_posterior(
        CodeMatrix.of(codes),
        categories,
        probabilities[0],
        head,
        np.array([True]),
        3,
        epsilon=0.01,
        tau=1 / math.log(2),
        query=codes[0],
    )
    # 0.36 + 0.04 + 0.04 one bit away; the same red at even odds; 0.12 + 0.12 + 0.04 three bits away
    assert positions.tolist() == [0, 2, 3]
    np.testing.assert_allclose(found, [0.45 / 2, 0.45 / 2, (1 / 3 + 0.01) / 4], rtol=1e-6)


@given(cases(most=200), st.data())
def test_without_heads_that_know_anything_it_is_search_by_distance(case, data: st.DataObject):
    bits = 8 * case.codes.shape[1]
    head = LinearHead(tuple("kl"), np.zeros((2, bits), np.float32), np.zeros(2, np.float32))
    query = np.full(bits // 8, data.draw(st.integers(0, 255)), np.uint8)
    _, positions = most_posterior(
        case.matrix,
        category_posteriors(head, case.ranking_bits).extended(case.matrix),
        np.array([0.5, 0.5]),
        no_attribute_head(bits),
        NO_ATTRIBUTES,
        case.k,
        epsilon=1e-3,
        tau=16,
        query=query,
        threads=case.threads,
    )
    distances = case.distances(query)
    assert positions.tolist() == np.argsort(distances, kind="stable")[: case.k].tolist()


def test_codes_that_are_added_get_the_same_bounds(rng: np.random.Generator):
    codes = rng.integers(0, 256, (200, 4), dtype=np.uint8)
    head = LinearHead(tuple("klmnopq"), rng.normal(size=(7, 32)).astype("f4"), np.ones(7, "f4"))
    whole = category_posteriors(head).extended(CodeMatrix.of(codes), threads=2)
    parts = category_posteriors(head).extended(CodeMatrix.of(codes[:130])).first(128)
    grown = parts.extended(CodeMatrix.of(codes))
    assert grown.likely.tolist() == whole.likely.tolist()
    assert grown.steps.tolist() == whole.steps.tolist()


def test_the_kept_probabilities_are_bounds(rng: np.random.Generator):
    codes = rng.integers(0, 256, (100, 4), dtype=np.uint8)
    head = LinearHead(tuple("klmnopq"), rng.normal(size=(7, 32)).astype("f4"), np.ones(7, "f4"))
    categories = category_posteriors(head).extended(CodeMatrix.of(codes))
    probabilities = categories.probabilities(codes)
    likely = np.take_along_axis(probabilities, categories.likely.astype(int), axis=1)
    assert (likely <= categories.steps[:, :-1] / 255).all()
    assert (1 - likely.sum(axis=1) <= categories.steps[:, -1] / 255 + 1e-12).all()
    assert likely.min(axis=1) == pytest.approx(np.sort(probabilities, axis=1)[:, -4])
