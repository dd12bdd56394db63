"""Indexes where nothing can be written, and indexes that several threads use."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index
from tests.permissions import open_folder, powerless

QUERY = np.zeros(2, np.uint8)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="folders have other permissions")


@pytest.fixture
def medium() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def fill(index: Index) -> None:
    """Three items; a first search loads the kernels, which may be written to disk."""
    codes = np.array([[0, 0], [1, 0], [3, 0]], np.uint8)
    index.add(codes, ["a.png", "b.png", "c.png"], [{"n": i} for i in range(3)])
    index.search(QUERY, filter={"n": 1})


def close_to_writing(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


def test_an_index_that_cannot_be_written_to_is_searched(medium: Path, model: Model):
    path = medium / "shelf #1?.dhx"
    with Index.create(path, model) as index:
        fill(index)
    close_to_writing(medium)
    with powerless(), Index.open(path) as index:
        assert [hit.id for hit in index.search(QUERY, k=2).hits] == [0, 1]
        assert [hit.id for hit in index.search(QUERY, filter={"n": 2}).hits] == [2]
        assert not index.verify()
        assert index.stats().items == 3
        with pytest.raises(DualhashError, match="cannot be changed: it is in a place that cannot"):
            index.delete([0])
        assert len(index) == 3
    assert [file.name for file in medium.iterdir()] == [path.name]


def test_a_log_that_is_not_in_the_file_yet_is_not_overlooked(medium: Path, model: Model):
    path, copy = medium / "i.dhx", medium / "copy.dhx"
    with Index.create(path, model) as index:
        fill(index)
        for suffix in ("", "-wal"):
            source = path.with_name(path.name + suffix)
            copy.with_name(copy.name + suffix).write_bytes(source.read_bytes())
    close_to_writing(medium)
    with powerless(), pytest.raises(DualhashError, match=r"still in copy.dhx-wal. Open it once"):
        Index.open(copy)


def test_threads_search_while_others_write(tmp_path: Path, model: Model):
    """Each result is that of one state: what is deleted is never found with what came after."""
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


def test_items_are_gone_through_while_another_thread_searches(tmp_path: Path, model: Model):
    with Index.create(tmp_path / "i.dhx", model) as index, ThreadPoolExecutor(1) as pool:
        fill(index)
        names = []
        for item in index:
            names.append(Path(item.image).name)
            assert pool.submit(index.search, QUERY, k=1).result().hits[0].id == 0
        assert names == ["a.png", "b.png", "c.png"]
