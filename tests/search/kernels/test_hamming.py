import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.codes.packing import pack
from dualhash.search.kernels import CodeMatrix, bitmap, k_nearest, within_radius
from dualhash.search.kernels import hamming as kernel
from tests.oracles.search import first, hamming
from tests.search.kernels.random_codes import Case, cases


def naive(case: Case, query: int, radius: int = 10_000) -> list[tuple[int, int]]:
    """All (distance, position) that are allowed, in order."""
    far = case.distances(case.queries[query])
    return sorted((int(far[i]), int(i)) for i in np.flatnonzero(case.allowed) if far[i] <= radius)


@given(cases())
@settings(max_examples=150)
def test_nearest_codes_match_a_full_sort(case: Case):
    allowed = None if case.allowed.all() else bitmap(case.allowed)
    distances, positions = k_nearest(
        case.matrix, case.queries, case.k, allowed=allowed, threads=case.threads
    )
    assert distances.dtype == np.int32
    assert positions.dtype == np.int64
    for query in range(len(case.queries)):
        found = list(zip(distances[query].tolist(), positions[query].tolist(), strict=True))
        assert found == naive(case, query)[: case.k]


@given(cases(), st.integers(0, 400))
@settings(max_examples=100)
def test_all_codes_within_a_radius_are_found(case: Case, radius: int):
    for query in range(len(case.queries[:2])):
        distances, positions = within_radius(
            case.matrix,
            case.queries[query],
            radius,
            allowed=bitmap(case.allowed),
            threads=case.threads,
        )
        found = list(zip(distances.tolist(), positions.tolist(), strict=True))
        assert found == naive(case, query, radius)


def test_more_codes_within_a_radius_than_the_initial_capacity(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kernel, "USUAL_CAPACITY", 3)
    codes = np.repeat(np.arange(4, dtype=np.uint8)[:, None], 50, axis=0)
    distances, positions = within_radius(CodeMatrix.of(codes), codes[0], 1, threads=2)
    assert distances.tolist() == [0] * 50 + [1] * 100
    assert positions.tolist() == list(range(150))


def test_hand_worked_example():
    codes = np.array([[0b111], [0b001], [0b000], [0b010]], np.uint8)
    distances, positions = k_nearest(CodeMatrix.of(codes), np.array([[0]], np.uint8), 3)
    assert distances.tolist() == [[0, 1, 1]]
    assert positions.tolist() == [[2, 1, 3]]


def test_only_the_ranking_bits_are_compared():
    codes = np.array([[1, 0, 0], [0, 255, 255], [3, 0, 0]], np.uint8)
    distances, positions = k_nearest(CodeMatrix.of(codes, 8), np.zeros((1, 3), np.uint8), 3)
    assert distances.tolist() == [[0, 1, 2]]
    assert positions.tolist() == [[1, 0, 2]]
    distances, positions = within_radius(CodeMatrix.of(codes, 16), np.zeros(3, np.uint8), 2)
    assert distances.tolist() == [1, 2]
    assert positions.tolist() == [0, 2]


@pytest.mark.parametrize(("bits", "ranking_bits"), [(64, 32), (256, 128), (40, 16)])
def test_queries_of_ranking_bits_match_a_search_among_shorter_codes(
    rng: np.random.Generator, bits: int, ranking_bits: int
):
    codes, width = rng.integers(0, 256, (3000, bits // 8), dtype=np.uint8), ranking_bits // 8
    shorter = CodeMatrix.of(np.ascontiguousarray(codes[:, :width]))
    matrix = CodeMatrix.of(codes, ranking_bits)
    for queries in (codes[:1], codes[:9]):
        expected = k_nearest(shorter, np.ascontiguousarray(queries[:, :width]), 50)
        found = k_nearest(matrix, queries, 50, threads=2)
        np.testing.assert_array_equal(found, expected)


def test_distances_match_counted_bits(rng: np.random.Generator):
    bits = rng.random((50, 72)) < 0.5
    distances, positions = k_nearest(CodeMatrix.of(pack(bits)), pack(bits[:1]), 50)
    keys = [float(hamming(bits[0].tolist(), row.tolist())) for row in bits]
    assert positions[0].tolist() == first(keys, list(range(50)), 50)
    assert distances[0].tolist() == sorted(keys)


@pytest.mark.parametrize("queries", [1, 3, 4, 9])
def test_clustered_codes_of_many_chunks_match_a_full_sort(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, queries: int
):
    monkeypatch.setattr(kernel, "QUERIES_AT_ONCE", 5)
    centres = rng.integers(0, 256, (20, 32), dtype=np.uint8)
    noise = pack(rng.random((40_000, 256)) < 0.03)
    codes = centres[rng.integers(0, 20, 40_000)] ^ noise
    matrix = CodeMatrix.of(codes)
    far = np.array(
        [np.bitwise_count(codes ^ codes[q]).sum(axis=1, dtype=int) for q in range(queries)]
    )
    expected = np.argsort(far, axis=1, kind="stable")[:, :100]
    for threads in (1, 2, 3):
        distances, positions = k_nearest(matrix, codes[:queries], 100, threads=threads)
        np.testing.assert_array_equal(positions, expected)
        np.testing.assert_array_equal(distances, np.take_along_axis(far, expected, axis=1))


def test_codes_of_decreasing_distance_are_ranked_correctly(rng: np.random.Generator):
    """Each code is nearer than all before it, so that candidates are dropped again and again."""
    bits = np.tri(257, 256, -1, dtype=bool)[::-1].repeat(20, axis=0)
    distances, positions = k_nearest(CodeMatrix.of(pack(bits)), pack(np.zeros((1, 256), bool)), 30)
    assert distances[0].tolist() == [0] * 20 + [1] * 10
    assert positions[0].tolist() == list(range(256 * 20, 257 * 20)) + list(range(5100, 5110))
