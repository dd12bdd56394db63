"""Searches in memory against a full sort, over any history of changes."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dualhash import HammingIndex
from dualhash.errors import DualhashError
from dualhash.search import clustered_codes as module
from dualhash.search import clustering
from tests.search.clumps import draw_codes

NO_DISTANCE = 2**31 - 1


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred codes are clustered."""
    monkeypatch.setattr(clustering, "FEWEST", 100)


@dataclass
class Naive:
    """Codes by id, searched one by one."""

    codes: dict[int, bytes] = field(default_factory=dict)

    def add(self, codes: np.ndarray, ids: np.ndarray) -> None:
        self.codes |= dict(zip(ids.tolist(), map(bytes, codes), strict=True))

    def within(self, query: np.ndarray, radius: int) -> list[tuple[int, int]]:
        found = []
        for item, code in self.codes.items():
            distance = (int.from_bytes(code) ^ int.from_bytes(bytes(query))).bit_count()
            if distance <= radius:
                found.append((distance, item))
        return sorted(found)

    def nearest(self, query: np.ndarray, k: int) -> list[tuple[int, int]]:
        found = self.within(query, NO_DISTANCE)[:k]
        return found + [(NO_DISTANCE, -1)] * (k - len(found))


def check(index: HammingIndex, naive: Naive, queries: np.ndarray, k: int, threads: int) -> None:
    assert index.ids.tolist() == sorted(naive.codes)
    assert len(index) == len(naive.codes)
    distances, ids = index.search(queries, k, threads=threads)
    assert (distances.dtype, ids.dtype, ids.shape) == (np.int32, np.int64, (len(queries), k))
    for query, far, found in zip(queries, distances.tolist(), ids.tolist(), strict=True):
        assert list(zip(far, found, strict=True)) == naive.nearest(query, k)
    radius = 3 * k
    limits, far, found = index.range_search(queries, radius)
    for row, query in enumerate(queries):
        part = slice(limits[row], limits[row + 1])
        pairs = list(zip(far[part].tolist(), found[part].tolist(), strict=True))
        assert pairs == naive.within(query, radius)


@given(st.data())
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_results_match_a_full_sort_over_any_history(few: None, data: st.DataObject):
    width = data.draw(st.sampled_from([1, 4, 9, 32]))
    codes = draw_codes(data.draw, data.draw(st.sampled_from([0, 5, 101, 700])), width)
    index, naive = HammingIndex(codes), Naive()
    naive.add(codes, np.arange(len(codes)))
    for step in data.draw(
        st.lists(st.sampled_from(["add", "ids", "remove", "return"]), max_size=4)
    ):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
        more = draw_codes(data.draw, data.draw(st.sampled_from([1, 30, 150])), width)
        if step == "add":
            naive.add(more, index.add(more))
        elif step == "ids":
            free = np.setdiff1d(rng.choice(5000, 400, replace=False), index.ids)[: len(more)]
            rng.shuffle(free)
            naive.add(more[: len(free)], index.add(more[: len(free)], free))
        elif len(index):
            share = data.draw(st.sampled_from([0.1, 0.7, 1]))
            removed = rng.permutation(index.ids)[: max(1, int(share * len(index)))]
            index.remove(removed)
            for item in removed.tolist():
                del naive.codes[item]
            if step == "return":
                naive.add(
                    more[: len(removed)], index.add(more[: len(removed)], removed[: len(more)])
                )
    queries = draw_codes(data.draw, data.draw(st.integers(0, 9)), width)
    check(index, naive, queries, data.draw(st.integers(1, 40)), data.draw(st.integers(1, 3)))


@pytest.mark.parametrize("kind", ["clumps", "random", "constant", "duplicates"])
def test_many_codes_match_a_full_sort(rng: np.random.Generator, kind: str):
    """As many as are clustered without a change of the limits, and some that are added later."""
    count = 70_000
    pool = rng.integers(0, 256, (200, 32), dtype=np.uint8)
    flips = np.packbits(rng.random((count, 256)) < 0.04, axis=1)
    codes = {
        "clumps": pool[rng.integers(0, 200, count)] ^ flips,
        "random": rng.integers(0, 256, (count, 32), dtype=np.uint8),
        "constant": np.repeat(pool[:1], count, axis=0),
        "duplicates": pool[rng.integers(0, 200, count)],
    }[kind]
    ids = rng.permutation(count)
    index = HammingIndex(codes[:-500], ids[:-500])
    index.add(codes[-500:], ids[-500:])
    index.remove(ids[:300])
    codes, ids = codes[300:], ids[300:]
    queries = codes[::9999]
    for k in (1, 100):
        distances, found = index.search(queries, k)
        for row, query in enumerate(queries):
            far = np.bitwise_count(codes ^ query).sum(axis=1, dtype=int)
            order = np.lexsort((ids, far))[:k]
            assert found[row].tolist() == ids[order].tolist()
            assert distances[row].tolist() == far[order].tolist()
    limits, far, found = index.range_search(queries[:2], 20)
    for row in range(2):
        expected = np.bitwise_count(codes ^ queries[row]).sum(axis=1, dtype=int)
        near = np.flatnonzero(expected <= 20)
        part = slice(limits[row], limits[row + 1])
        order = near[np.lexsort((ids[near], expected[near]))]
        assert found[part].tolist() == ids[order].tolist()
        assert far[part].tolist() == expected[order].tolist()


@pytest.mark.parametrize("clumps", [True, False])
def test_codes_are_put_in_order_again_after_a_share_is_added(
    few: None, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, clumps: bool
):
    learned = []
    learn = module.learn_centres
    monkeypatch.setattr(
        module, "learn_centres", lambda *given: learned.append(given[1]) or learn(*given)
    )
    pool = rng.integers(0, 256, (10, 32), dtype=np.uint8)
    codes = rng.integers(0, 256, (2000, 32), dtype=np.uint8)
    if clumps:
        codes = pool[rng.integers(0, 10, 2000)] ^ (codes & rng.permutation([1, *[0] * 31]) != 0)
    index = HammingIndex(codes)
    for _ in range(6):
        index.add(codes[:100])
    assert learned == [2000, 2600]
    assert bool(len(index._codes.clusters.centres)) == clumps


def test_hand_worked_example():
    index = HammingIndex(np.array([[0b111], [0b001], [0b000], [0b010]], np.uint8), [7, 3, 5, 2])
    distances, ids = index.search(np.array([[0]], np.uint8), 5)
    assert distances.tolist() == [[0, 1, 1, 3, NO_DISTANCE]]
    assert ids.tolist() == [[5, 2, 3, 7, -1]]
    limits, distances, ids = index.range_search(np.array([[0], [0b110]], np.uint8), 1)
    assert (limits.tolist(), distances.tolist()) == ([0, 3, 5], [0, 1, 1, 1, 1])
    assert ids.tolist() == [5, 2, 3, 2, 7]
    assert index.add(np.array([[8]], np.uint8)).tolist() == [8]


def test_bits_are_packed():
    bits = np.eye(8, dtype=bool)
    index = HammingIndex(bits)
    assert index.search(bits[3:4], 1)[1].tolist() == [[3]]


def test_files_round_trip(few: None, tmp_path: Path, rng: np.random.Generator):
    codes = rng.integers(0, 256, (500, 4), dtype=np.uint8)
    index = HammingIndex(codes)
    index.add(codes[:30] ^ 1)
    index.remove(np.arange(40, 50))
    index.save(tmp_path / "index.npz")
    loaded = HammingIndex.load(tmp_path / "index.npz")
    assert loaded.bits == 32
    for found, expected in zip(loaded.search(codes, 9), index.search(codes, 9), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert loaded.add(codes[:1]).tolist() == [530]
    empty = HammingIndex(codes[:0])
    empty.save(tmp_path / "index.npz")
    assert len(HammingIndex.load(tmp_path / "index.npz")) == 0


def test_wrong_files_are_refused(tmp_path: Path):
    path = tmp_path / "index.npz"
    with pytest.raises(DualhashError, match="does not exist"):
        HammingIndex.load(path)
    path.write_text("text")
    with pytest.raises(DualhashError, match=r"not a file that HammingIndex\.save wrote"):
        HammingIndex.load(path)
    HammingIndex(np.zeros((3, 4), np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DualhashError, match="damaged"):
        HammingIndex.load(path)
    path.write_bytes(content)
    arrays = dict(np.load(path))
    np.savez(path, **{**arrays, "format": np.array(2)})
    with pytest.raises(DualhashError, match="has format 2"):
        HammingIndex.load(path)
    np.savez(path, **{**arrays, "ids": arrays["ids"][:2]})
    with pytest.raises(DualhashError, match="damaged"):
        HammingIndex.load(path)


def test_wrong_input_is_refused_and_changes_nothing():
    codes = np.arange(6, dtype=np.uint8).reshape(3, 2)
    index = HammingIndex(codes)
    cases = [
        (lambda: index.add(codes[:, :1]), "codes of 16 bits"),
        (lambda: index.add(codes.astype(float)), "Codes are packed"),
        (lambda: index.add(codes, [7, 8]), "3 codes, but 2 ids"),
        (lambda: index.add(codes, [7, 8, 7]), "more than once"),
        (lambda: index.add(codes, [7, 2, 9]), "the id 2 already"),
        (lambda: index.add(codes, [7, -2, 9]), "0 or more, not -2"),
        (lambda: index.add(codes, [0.5, 1, 2]), "Ids are integers"),
        (lambda: index.remove([0, 9]), "no code with the id 9"),
        (lambda: index.search(codes, 0), "at least 1, not 0"),
        (lambda: index.search(codes[0], 1), "Codes are packed"),
        (lambda: index.range_search(codes, -1), "at least 0, not -1"),
    ]
    for call, message in cases:
        with pytest.raises(DualhashError, match=message):
            call()
    assert index.ids.tolist() == [0, 1, 2]


def test_indexes_of_faiss_are_copied_both_ways(rng: np.random.Generator):
    faiss = pytest.importorskip("faiss")
    codes = rng.integers(0, 256, (300, 8), dtype=np.uint8)
    ids = rng.choice(10_000, 300, replace=False)
    index = HammingIndex(codes, ids)
    index.remove(ids[:20])
    theirs = index.to_faiss()
    distances, _ = theirs.search(codes, 5)
    np.testing.assert_array_equal(distances, index.search(codes, 5)[0])
    back = HammingIndex.from_faiss(theirs)
    np.testing.assert_array_equal(back.search(codes, 5)[1], index.search(codes, 5)[1])
    flat = faiss.IndexBinaryFlat(64)
    flat.add(codes)
    assert HammingIndex.from_faiss(flat).ids.tolist() == list(range(300))
    with pytest.raises(DualhashError, match="IndexBinaryHNSW cannot be copied"):
        HammingIndex.from_faiss(faiss.IndexBinaryHNSW(64))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(DualhashError, match="pip install faiss-cpu"):
        HammingIndex(np.zeros((1, 1), np.uint8)).to_faiss()
