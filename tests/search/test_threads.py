"""One open index that several threads use."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from dualhash.codes import Model
from dualhash.search import Index

QUERY = np.zeros(2, np.uint8)


def fill(index: Index) -> None:
    """Adds three items."""
    codes = np.array([[0, 0], [1, 0], [3, 0]], np.uint8)
    index.add(codes, ["a.png", "b.png", "c.png"], [{"n": i} for i in range(3)])


def test_threads_search_while_others_write(tmp_path: Path, model: Model):
    """Each result shows one state: deleted items are never found with items added after."""
    rng = np.random.default_rng(0)
    with Index.create(tmp_path / "i.dhx", model) as index:
        index.add(rng.integers(0, 256, (500, 2), np.uint8), ["x"] * 500, [{"lot": 0}] * 500)

        def search(seed: int) -> None:
            for turn in range(15):
                code = np.random.default_rng((seed, turn)).integers(0, 256, 2, np.uint8)
                results = index.search(code, k=1000, threads=1, filter={"lot": 0})
                found = [hit.id for hit in results.hits]
                assert results.matched == len(found) == len(set(found))
                assert len(found) % 10 == 0
                for hit in results.hits:
                    assert hit.distance == int(np.bitwise_count(hit.code ^ code).sum())
                assert len(index) % 10 == 0

        def write() -> None:
            for lot in range(10):
                index.delete(range(10 * lot, 10 * lot + 10))
                codes = np.full((10, 2), lot, np.uint8)
                index.add(codes, ["y"] * 10, [{"lot": lot % 2}] * 10)

        with ThreadPoolExecutor(5) as pool:
            for done in [pool.submit(write), *(pool.submit(search, seed) for seed in range(4))]:
                done.result()
        assert len(index) == 500
        assert not index.verify()


def test_items_are_iterated_while_another_thread_searches(tmp_path: Path, model: Model):
    with Index.create(tmp_path / "i.dhx", model) as index, ThreadPoolExecutor(1) as pool:
        fill(index)
        names = []
        for item in index:
            names.append(Path(item.image).name)
            assert pool.submit(index.search, QUERY, k=1).result().hits[0].id == 0
        assert names == ["a.png", "b.png", "c.png"]
