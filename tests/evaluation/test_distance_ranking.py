import numpy as np
import pytest

from dualhash.evaluation import distance_ranking
from dualhash.evaluation.distance_ranking import DistanceRankings, measure_rankings
from tests.oracles.evaluation import distance


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(distance_ranking, "QUERIES_PER_BLOCK", 4)


def rankings(codes: np.ndarray) -> list[DistanceRankings]:
    """All of them, which are not kept otherwise."""
    return [ranking for _, ranking in measure_rankings(codes, lambda ranking: ranking)]


@pytest.mark.parametrize("kind", [np.bool_, np.float32])
def test_every_image_is_ranked_exactly_once(kind):
    values = np.random.default_rng(0).random((10, 16))
    codes = values.astype(np.float32) if kind is np.float32 else values > 0.5
    seen = []
    for rows, found, order in rankings(codes):
        for row, distances_of_row, order_of_row in zip(rows, found, order, strict=True):
            expected = [distance(codes[row], other) for other in codes]
            np.testing.assert_allclose(distances_of_row, expected, rtol=1e-12)
            assert sorted(order_of_row) == list(range(10))
            assert (np.diff(distances_of_row[order_of_row]) >= 0).all()
            seen.append(int(row))
    assert seen == list(range(10))


def test_hamming_hand_worked_example():
    codes = np.array([[0, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1]], dtype=bool)
    (block,) = rankings(codes)
    np.testing.assert_array_equal(block.distances, [[0, 2, 4], [2, 0, 2], [4, 2, 0]])


def test_equal_outputs_have_equal_distances():
    reals = np.random.default_rng(0).random((5, 33)).astype(np.float32)
    twice = np.concatenate([reals, reals])
    for block in rankings(twice):
        np.testing.assert_array_equal(block.distances[:, :5], block.distances[:, 5:])


def test_no_images_give_no_rankings():
    assert rankings(np.zeros((0, 8), dtype=bool)) == []
