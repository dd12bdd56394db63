import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index
from dualhash.search.storage import sqlite as database
from dualhash.search.storage.reader import IndexReader
from tests.builders import colour_model


def make(path: Path, model: Model, count: int) -> None:
    with Index.create(path, model, replace=True) as index:
        index.add(np.zeros((count, 2), np.uint8), ["x"] * count)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_an_index_is_one_file_when_it_is_closed(tmp_path: Path, model: Model):
    make(tmp_path / "i.dhx", model, 3)
    assert files(tmp_path) == ["i.dhx"]


def test_an_index_is_not_overwritten_without_replace(tmp_path: Path, model: Model):
    make(tmp_path / "i.dhx", model, 3)
    with pytest.raises(DualhashError, match=r"i.dhx exists already. The option `replace`"):
        Index.create(tmp_path / "i.dhx", model)
    with Index.open(tmp_path / "i.dhx") as index:
        assert len(index) == 3


def test_the_old_index_remains_until_the_new_one_is_complete(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    make(path, model, 3)
    with (
        pytest.raises(DualhashError, match="16 bits"),
        Index.unfinished(path, model, replace=True) as index,
    ):
        index.add(np.zeros((9, 3), np.uint8), ["x"] * 9)
    with Index.open(path) as index:
        assert len(index) == 3
    assert files(tmp_path) == ["i.dhx"]
    with Index.unfinished(path, model, replace=True) as index:
        index.add(np.zeros((9, 2), np.uint8), ["x"] * 9)
        with Index.open(path) as old:
            assert len(old) == 3
    with Index.open(path) as index:
        assert len(index) == 9
    assert files(tmp_path) == ["i.dhx"]


def test_a_new_index_contains_the_changes_in_its_log(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    with ExitStack() as stack:
        with Index.unfinished(path, model) as index:
            # The log stays when the index is closed, as it does where the disk is full.
            other = stack.enter_context(closing(sqlite3.connect(index.path)))
            other.execute("SELECT count(*) FROM items").fetchone()
            index.add(np.zeros((9, 2), np.uint8), ["x"] * 9)
        with Index.open(path) as index:
            assert len(index) == 9
            assert not index.verify()


def test_the_log_of_a_killed_writer_is_not_applied_to_the_next_index(tmp_path: Path, model: Model):
    path, copy = tmp_path / "i.dhx", tmp_path / "copy.dhx"
    make(path, model, 3)
    with Index.open(path) as index:
        index.add(np.ones((1, 2), np.uint8), ["late"])
        for suffix in ("", "-wal"):
            source = path.with_name(path.name + suffix)
            copy.with_name(copy.name + suffix).write_bytes(source.read_bytes())
    assert copy.with_name("copy.dhx-wal").stat().st_size
    other = colour_model(tmp_path / "other", seed=5)
    make(copy, other, 1)
    with Index.open(copy, other) as index:
        assert len(index) == 1


def test_opening_an_index_twice_loses_no_additions(tmp_path: Path, model: Model):
    """A program that closes the index must not remove the log that another one uses."""
    path = tmp_path / "i.dhx"
    make(path, model, 3)
    other = [sys.executable, "-c", f"from dualhash import Index; Index.open({str(path)!r}).close()"]
    with Index.open(path) as index:
        Index.open(path).close()
        with pytest.raises(DualhashError, match="exists"):
            Index.create(path, model)
        subprocess.run(other, check=True)
        index.add(np.ones((1, 2), np.uint8), ["late"])
        with closing(sqlite3.connect(path)) as seen:
            assert seen.execute("SELECT count(*) FROM items").fetchone() == (4,)
        subprocess.run(other, check=True)
    with Index.open(path) as index:
        assert (len(index), index.verify()) == (4, ())


def test_changes_that_a_killed_writer_committed_are_kept(tmp_path: Path, model: Model):
    path, copy = tmp_path / "i.dhx", tmp_path / "copy.dhx"
    make(path, model, 3)
    with Index.open(path) as index:
        index.add(np.ones((1, 2), np.uint8), ["late"])
        for suffix in ("", "-wal"):
            source = path.with_name(path.name + suffix)
            copy.with_name(copy.name + suffix).write_bytes(source.read_bytes())
    with Index.open(copy) as index:
        assert index.item(3).image == str(Path("late").absolute())


def test_a_replaced_index_can_still_be_read_by_programs_that_have_it_open(
    tmp_path: Path, model: Model
):
    path = tmp_path / "i.dhx"
    make(path, model, 3)
    with Index.open(path) as old:
        old.add(np.ones((1, 2), np.uint8), ["in the log"])
        make(path, model, 1)
        with Index.open(path) as new:
            new.add(np.ones((1, 2), np.uint8), ["late"])
            assert (len(old), len(new)) == (4, 2)
            assert [len(old.search(0, k=9).hits), len(new.search(0, k=9).hits)] == [3, 1]
            assert old.verify() == new.verify() == ()
        assert len(old.search(0, k=9).hits) == 3
    with Index.open(path) as new:
        assert (len(new), new.verify()) == (2, ())
    assert files(tmp_path) == ["i.dhx"]


def test_a_replaced_index_cannot_be_changed(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    make(path, model, 3)
    with Index.open(path) as old:
        make(path, model, 1)
        for write in (
            lambda: old.add(np.ones((1, 2), np.uint8), ["lost"]),
            lambda: old.delete([0]),
            old.compact,
        ):
            with pytest.raises(DualhashError, match="open it again"):
                write()
        assert len(old) == 3
    with Index.open(path) as new:
        assert (len(new), new.verify()) == (1, ())


def test_an_index_is_not_replaced_while_it_is_changed(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "i.dhx"
    make(path, model, 3)
    monkeypatch.setattr(database, "PATIENCE", 0.01)
    with (
        closing(IndexReader(path)) as store,
        store.connection.changing(),
        pytest.raises(DualhashError, match="Another program is using it"),
    ):
        make(path, model, 1)
    with Index.open(path) as index:
        assert len(index) == 3
    assert files(tmp_path) == ["i.dhx"]


def test_a_damaged_index_can_be_replaced(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    make(path, model, 3)
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 4000)
    with pytest.raises(DualhashError, match=r"is damaged.*--replace"):
        Index.open(path)
    Index.create(path, model, replace=True).close()
    with Index.open(path) as index:
        assert len(index) == 0
    assert files(tmp_path) == ["i.dhx"]


def test_other_files_are_neither_opened_nor_replaced(tmp_path: Path, model: Model):
    text, database, empty = (tmp_path / name for name in ("a.txt", "b.sqlite", "c.dhx"))
    text.write_text("my notes " * 30)
    empty.touch()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    for path, message in (
        (text, "not an index"),
        (database, "another program's"),
        (empty, "is empty, so it is not an index. Delete it"),
    ):
        before = path.read_bytes()
        with pytest.raises(DualhashError, match=message):
            Index.open(path)
        with pytest.raises(DualhashError, match=message):
            Index.create(path, model, replace=True)
        assert path.read_bytes() == before
    assert files(tmp_path) == ["a.txt", "b.sqlite", "c.dhx"]


def test_missing_files_and_folders_are_named(tmp_path: Path, model: Model):
    with pytest.raises(
        DualhashError, match=r"does not exist. Create it with `dualhash index create`"
    ):
        Index.open(tmp_path / "no.dhx")
    with pytest.raises(DualhashError, match="cannot be read"):
        Index.open(tmp_path)
    with pytest.raises(DualhashError, match="cannot be read"):
        Index.create(tmp_path, model, replace=True)
    with pytest.raises(DualhashError, match="there is no folder"):
        Index.create(tmp_path / "no" / "i.dhx", model)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE blocks SET codes = x'00'",
        "UPDATE blocks SET ids = x'00'",
        "DROP TABLE blocks",
    ],
)
def test_damaged_contents_are_reported(tmp_path: Path, model: Model, damage: str):
    make(tmp_path / "i.dhx", model, 3)
    with closing(sqlite3.connect(tmp_path / "i.dhx")) as connection:
        connection.execute(damage)
        connection.commit()
    with (
        pytest.raises(DualhashError, match=r"i.dhx (is damaged|cannot be used)"),
        Index.open(tmp_path / "i.dhx") as index,
    ):
        index.search("id:0")


def test_a_schema_that_is_not_utf8_is_reported_as_damaged(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    make(path, model, 3)
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE blocks", b"CREATE TABLE \xe5locks"))
    with pytest.raises(DualhashError, match=r"i.dhx is damaged"):
        Index.open(path)


def test_a_truncated_file_is_reported_as_damaged(tmp_path: Path, model: Model):
    path = tmp_path / "i.dhx"
    make(path, model, 3)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DualhashError, match=r"i.dhx"), Index.open(path) as index:
        index.search("id:0")
