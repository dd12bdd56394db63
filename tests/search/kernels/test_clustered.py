import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.search.kernels import CodeMatrix, bitmap
from dualhash.search.kernels.clustered import codes_to_read, nearest_in_clusters
from dualhash.search.kernels.clusters import (
    arrange,
    cluster,
    draw_sample,
    learn_centres,
    no_clusters,
)
from tests.search.kernels.random_codes import Case, cases

NOTHING = (2**31 - 1, 2**63 - 1)


def learned(codes: np.ndarray) -> np.ndarray:
    return learn_centres(codes[draw_sample(len(codes))], len(codes))


@given(cases(), st.sampled_from([0, 0.5, 1]), st.sampled_from([None, 0, 7, 40]), st.booleans())
@settings(max_examples=150)
def test_nearest_codes_match_a_full_sort(
    case: Case, share: float, radius: int | None, centred: bool
):
    """A share of the codes is in clusters, the others follow; ids are in no order."""
    rng, codes, width = np.random.default_rng(0), case.codes, case.codes.shape[1]
    width = width if case.ranking_bits is None else case.ranking_bits // 8
    clusters, compared = no_clusters(width), codes[:, :width]
    count = int(share * len(codes))
    allowed, ids = case.allowed, rng.permutation(10 * len(codes))[: len(codes)]
    if count:
        centres = compared[:: max(len(codes) // 9, 1)] if centred else learned(compared[:count])
        clusters, order = cluster(compared[:count], centres, case.threads)
        order = np.append(order, np.arange(count, len(codes)))
        codes, allowed = codes[order], allowed[order]
    matrix = CodeMatrix.of(codes, case.ranking_bits)
    assert clusters.hold(matrix)
    distances, found, answered = nearest_in_clusters(
        matrix,
        ids,
        clusters,
        case.queries,
        case.k,
        allowed=bitmap(allowed),
        radius=radius,
        threads=case.threads,
        most_read=1.0,
    )
    assert answered.all()
    for row, query in enumerate(case.queries):
        far = np.bitwise_count(codes ^ query)[:, :width].sum(axis=1, dtype=int)
        wanted = allowed if radius is None else allowed & (far <= radius)
        expected = sorted(zip(far[wanted].tolist(), ids[wanted].tolist(), strict=True))
        pairs = list(zip(distances[row].tolist(), found[row].tolist(), strict=True))
        assert pairs == (expected + [NOTHING] * case.k)[: case.k]
        for limit in (0, 9, 40):
            near = (far[:count] <= limit).sum()
            assert near <= codes_to_read(clusters, query, limit) <= count


@given(cases())
def test_codes_are_filed_under_their_nearest_centre(case: Case):
    codes, bits = case.codes, 8 * case.codes.shape[1]
    if not len(codes):
        return
    clusters, order = cluster(codes, learned(codes))
    assert sorted(order.tolist()) == list(range(len(codes)))
    assert clusters.fit(codes)
    assert clusters.hold(CodeMatrix.of(codes[order]))
    assert clusters.starts[-1] == len(codes)
    far = np.bitwise_count(codes[order][:, None] ^ clusters.centres).sum(axis=-1, dtype=int)
    which, distance = np.divmod(
        np.searchsorted(clusters.starts, np.arange(len(codes)), side="right") - 1, bits + 1
    )
    assert which.tolist() == far.argmin(axis=1).tolist()
    assert distance.tolist() == far.min(axis=1).tolist()
    for centre, radius in enumerate(clusters.radii.tolist()):
        assert radius == distance[which == centre].max(initial=0)


def test_only_near_codes_of_clumps_are_read(rng: np.random.Generator):
    centres = rng.integers(0, 256, (50, 32), dtype=np.uint8)
    flips = np.packbits(rng.random((20_000, 256)) < 0.05, axis=1)
    codes = centres[rng.integers(0, 50, 20_000)] ^ flips
    clusters, _ = cluster(codes, learned(codes), threads=2)
    assert codes_to_read(clusters, codes[0], 30) < 1500
    random = rng.integers(0, 256, 32, dtype=np.uint8)
    assert codes_to_read(clusters, random, 256) == 20_000


@pytest.mark.parametrize("most_read", [0.0, 1.0])
def test_queries_that_have_to_read_too_much_are_not_answered(
    rng: np.random.Generator, most_read: float
):
    codes = rng.integers(0, 256, (5000, 8), dtype=np.uint8)
    clusters, order = cluster(codes, learned(codes))
    matrix = CodeMatrix.of(codes[order])
    _, _, answered = nearest_in_clusters(
        matrix, order, clusters, codes[:3], 10, allowed=matrix.everything, most_read=most_read
    )
    assert answered.tolist() == [most_read == 1.0] * 3


def test_hand_worked_clusters():
    codes = np.array([[0b1111], [0b0000], [0b0001], [0b1110], [0b0000]], np.uint8)
    centres = np.array([[0b0000], [0b1111]], np.uint8)
    clusters, order = cluster(codes, centres)
    assert order.tolist() == [1, 4, 2, 0, 3]
    assert clusters.starts[[0, 1, 2, 9, 10, 18]].tolist() == [0, 2, 3, 3, 4, 5]
    assert clusters.radii.tolist() == [1, 1]
    assert codes_to_read(clusters, np.array([0b0000], np.uint8), 0) == 2
    assert codes_to_read(clusters, np.array([0b0000], np.uint8), 3) == 4


def test_a_learned_centre_is_the_majority_of_its_codes():
    codes = np.array([[0b111], [0b110], [0b011]], np.uint8)
    assert learn_centres(codes, 3).tolist() == [[0b111]]


def test_codes_at_other_distances_from_their_centres_are_noticed(rng: np.random.Generator):
    codes = rng.integers(0, 256, (700, 8), dtype=np.uint8)
    clusters, order = cluster(codes, codes[:9])
    matrix = CodeMatrix.of(codes[order])
    assert clusters.hold(matrix)
    matrix.replace(np.array([650]), codes[order][650:651] ^ 1)
    assert not clusters.hold(matrix)


def test_codes_of_no_centre_come_last_in_their_order():
    filed = np.array([[9, 9], [1, 0], [0, 2], [2, 0], [0, 1], [1, 0], [1, 9]], np.uint16)
    clusters, places = arrange(filed, np.zeros((2, 1), np.uint8))
    assert places.tolist() == [4, 2, 1, 5, 0, 3, 6]
    assert clusters.starts[-1] == 4
    assert clusters.radii.tolist() == [2, 0]
