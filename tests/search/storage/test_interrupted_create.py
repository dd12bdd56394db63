"""What is left of new indexes whose makers were killed."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from dualhash.codes import Model
from dualhash.search import Index
from tests.search.processes import make

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dualhash.search"])


@contextmanager
def maker(path: Path, model: Model) -> Iterator[Connection]:
    """A program that has begun an index, killed at the end of the block."""
    here, there = CONTEXT.Pipe()
    process = CONTEXT.Process(target=make, args=(str(path), str(model.folder), there), daemon=True)
    process.start()
    there.close()
    try:
        assert here.recv() == "begun"
        yield here
    finally:
        process.kill()
        process.join()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_the_next_index_of_a_name_removes_what_killed_makers_left(tmp_path: Path, model: Model):
    path = tmp_path / "[i].dhx"
    for _ in range(2):
        with maker(path, model):
            pass
    left = files(tmp_path)
    assert {name.rpartition(".")[2] for name in left} == {
        "unfinished",
        "unfinished-wal",
        "unfinished-shm",
        "unfinished-lock",
    }
    other = tmp_path / "other.dhx"
    Index.create(other, model).close()
    assert files(tmp_path) == left | {"other.dhx"}
    Index.create(path, model).close()
    assert files(tmp_path) == {"[i].dhx", "other.dhx"}


def test_what_others_are_making_now_is_left_alone(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    with maker(path, model) as running:
        with maker(path, model):
            both = files(tmp_path)
        Index.create(path, model).close()
        with Index.open(path) as index:
            assert len(index) == 0
        assert len(files(tmp_path)) == 1 + len(both) // 2
        running.send("go on")
        assert running.recv() == "done"
    assert files(tmp_path) == {"i.dhx"}
    with Index.open(path) as index:
        assert (len(index), index.verify()) == (3, ())
