"""Indexes whose creation was killed or interrupted."""

import multiprocessing
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.search import BuildReport, Index, build_index
from tests.builders import colour_image, colour_model
from tests.search.concurrent_programs import make
from tests.search.stored_codes import stored

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["dualhash.search"])


@contextmanager
def creating(path: Path, model: Model) -> Iterator[Connection]:
    """Starts a program that creates an index, and kills it at the end of the block."""
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


def test_the_next_create_removes_files_of_killed_ones(tmp_path: Path, model: Model):
    path = tmp_path / "[i].dhx"
    for _ in range(2):
        with creating(path, model):
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


def test_files_of_a_running_create_are_not_removed(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    with creating(path, model) as running:
        with creating(path, model):
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


IMAGES = 12

CREATE = """
import sys
from pathlib import Path
from dualhash.codes import Model
from dualhash.search import build, build_index
build.FIRST_BATCH = build.LARGEST_BATCH = 2
folder = Path(sys.argv[1])
images = sorted((folder / "images").iterdir())
def report(done, total):
    print(done, flush=True)
    if done == 6:
        sys.stdin.read()  # until it is killed
build_index(Model.open(folder / "model"), images, folder / "i.dhx", progress=report)
"""


@pytest.fixture
def killed(tmp_path: Path, model: Model) -> None:
    """Kills a process that creates an index, when 6 images are encoded and 4 committed."""
    for i in range(IMAGES):
        colour_image(tmp_path / "images" / f"{i:02}.png", (20 * i, 9, 200))
    command = [sys.executable, "-c", CREATE, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)] == ["2\n", "4\n", "6\n"]
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "i.dhx").exists()


def create(folder: Path, model: Model, **options: object) -> tuple[BuildReport, list[int]]:
    """Creates the index; returns also how many images were left to encode, at each report."""
    left: list[int] = []
    images = sorted((folder / "images").iterdir())
    report = build_index(
        model, images, folder / "i.dhx", progress=lambda _, total: left.append(total), **options
    )
    return report, left


@pytest.mark.usefixtures("killed")
def test_a_killed_create_continues_where_it_stopped(tmp_path: Path, model: Model):
    report, left = create(tmp_path, model)
    assert (report.unchanged, report.count, left) == (4, 8, [8])
    assert files(tmp_path) == {"i.dhx"}
    whole = build_index(model, sorted((tmp_path / "images").iterdir()), tmp_path / "whole.dhx")
    assert whole.count == IMAGES
    with Index.open(tmp_path / "i.dhx") as index, Index.open(tmp_path / "whole.dhx") as expected:
        assert index.verify() == ()
        assert list(index) == list(expected)
        np.testing.assert_array_equal(stored(index)[1], stored(expected)[1])


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("change", ["image", "list", "views", "model"])
def test_a_killed_create_of_another_source_starts_again(tmp_path: Path, model: Model, change: str):
    options = {}
    if change == "image":
        colour_image(tmp_path / "images" / "00.png", (255, 255, 255), size=(30, 30))
    elif change == "list":
        (tmp_path / "images" / "11.png").unlink()
    elif change == "views":
        options["views"] = 10
    else:
        model = colour_model(tmp_path / "other", seed=9)
    report, _ = create(tmp_path, model, **options)
    assert report.unchanged == 0
    assert files(tmp_path) == {"i.dhx"}


def test_an_interrupted_create_continues_and_a_failed_one_does_not(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"

    def begin(error: type[BaseException]) -> None:
        with Index.unfinished(path, model, source="same") as index:
            assert len(index) == 0
            index.add(np.zeros((3, 2), np.uint8), ["x"] * 3)
            raise error

    with pytest.raises(ZeroDivisionError):
        begin(ZeroDivisionError)
    assert files(tmp_path) == set()
    with pytest.raises(KeyboardInterrupt):
        begin(KeyboardInterrupt)
    assert {name.rpartition(".")[2] for name in files(tmp_path)} == {
        "unfinished",
        "unfinished-lock",
    }
    with Index.unfinished(path, model, source="same") as index:
        assert len(index) == 3
        with pytest.raises(ZeroDivisionError):  # another one, while the first one runs
            begin(ZeroDivisionError)
    assert files(tmp_path) == {"i.dhx"}
    with Index.open(path) as index:
        assert (len(index), index.verify()) == (3, ())
