"""Indexes in read-only folders and on full disks."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
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
    """Adds three items; a first search compiles the kernels, which may be cached on disk."""
    codes = np.array([[0, 0], [1, 0], [3, 0]], np.uint8)
    index.add(codes, ["a.png", "b.png", "c.png"], [{"n": i} for i in range(3)])
    index.search(QUERY, filter={"n": 1})


def make_read_only(folder: Path) -> None:
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)


def test_an_index_in_a_read_only_folder_is_searched(medium: Path, model: Model):
    path = medium / "shelf #1?.dhx"
    with Index.create(path, model) as index:
        fill(index)
    make_read_only(medium)
    with powerless(), Index.open(path) as index:
        assert [hit.id for hit in index.search(QUERY, k=2).hits] == [0, 1]
        assert [hit.id for hit in index.search(QUERY, filter={"n": 2}).hits] == [2]
        assert not index.verify()
        assert index.stats().items == 3
        with pytest.raises(DualhashError, match="cannot be changed: its folder is read-only"):
            index.delete([0])
        assert len(index) == 3
    assert [file.name for file in medium.iterdir()] == [path.name]


def test_a_log_in_a_read_only_folder_is_not_ignored(medium: Path, model: Model):
    path, copy = medium / "i.dhx", medium / "copy.dhx"
    with Index.create(path, model) as index:
        fill(index)
        for suffix in ("", "-wal"):
            source = path.with_name(path.name + suffix)
            copy.with_name(copy.name + suffix).write_bytes(source.read_bytes())
    make_read_only(medium)
    with powerless(), pytest.raises(DualhashError, match=r"still in copy\.dhx-wal"):
        Index.open(copy)


def fill_disk(path: Path) -> None:
    with suppress(OSError), path.open("wb", 0) as file:
        while True:
            file.write(bytes(1024))


@pytest.fixture
def full_disk(tmp_path: Path, model: Model) -> Iterator[Path]:
    """A file system of 112 kB that holds an index of three items and is full."""
    path = tmp_path / "i.dhx"
    with Index.create(path, model) as index:
        fill(index)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=112k", "none", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a file system")
    try:
        (disk / "i.dhx").write_bytes(path.read_bytes())
        fill_disk(disk / "rest")
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_index_on_a_full_disk_is_searched(full_disk: Path):
    with Index.open(full_disk / "i.dhx") as index:
        assert [hit.id for hit in index.search(QUERY, k=2).hits] == [0, 1]
        assert not index.verify()
        assert index.stats().items == 3
        with pytest.raises(DualhashError, match=r"cannot be changed: .*disk was full"):
            index.delete([0])
    (full_disk / "rest").unlink()
    with Index.open(full_disk / "i.dhx") as index:
        index.delete([0])
        assert not index.verify()


def test_a_log_on_a_full_disk_is_not_ignored(full_disk: Path):
    (full_disk / "rest").write_bytes(bytes(12 * 1024))
    (full_disk / "i.dhx-wal").write_bytes(b"log")
    fill_disk(full_disk / "more")
    with pytest.raises(DualhashError, match=r"still in i\.dhx-wal"):
        Index.open(full_disk / "i.dhx")
