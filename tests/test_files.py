import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dualhash.catalogue.images import decode
from dualhash.catalogue.read_catalogue import read_catalogue
from dualhash.catalogue.readers.image_folder import read_folder
from dualhash.codes import Model
from dualhash.codes.code_file import read_saved
from dualhash.errors import DualhashError
from dualhash.files import cannot_write, existing_files, is_there, new_folder, write_whole
from dualhash.search import Index
from tests.builders import colour_image, colour_model
from tests.permissions import open_folder, powerless


def test_a_file_is_written_and_replaced(tmp_path: Path):
    write_whole(tmp_path / "report.json", "old\n")
    write_whole(tmp_path / "report.json", "new é\n")
    assert (tmp_path / "report.json").read_bytes() == "new é\n".encode()
    write_whole(tmp_path / "report.json", b"\xff\r\n")
    assert (tmp_path / "report.json").read_bytes() == b"\xff\r\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path: Path):
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "report.json", "")
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "disk full")

    write_whole(tmp_path / "report.json", "old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DualhashError, match=r"report\.json cannot be written: disk full"):
        write_whole(tmp_path / "report.json", "new")
    assert (tmp_path / "report.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_messages_for_files_that_could_not_be_written():
    full = cannot_write(Path("a.json"), OSError(28, "No space left on device"))
    assert full == "a.json cannot be written: No space left on device."
    denied = cannot_write(Path("a.json"), PermissionError(13, "Permission denied"))
    assert denied.startswith("a.json cannot be written: permission denied. Let this user write")


@pytest.fixture
def shared() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def refusal(action: object, *arguments: object) -> str:
    with powerless(), pytest.raises(DualhashError) as refused:
        action(*arguments)
    return str(refused.value)


def test_missing_permissions_are_not_reported_as_missing_files(shared: Path):
    closed = shared / "closed"
    image = colour_image(closed / "images" / "a.png", (1, 2, 3))
    (closed / "t.csv").write_text("image\nimages/a.png\n")
    (shared / "t.csv").write_text("image\nclosed/images/a.png\nopen.png\n")
    colour_image(shared / "open.png", (1, 2, 3))
    Index.create(closed / "i.dhx", colour_model(closed / "model")).close()
    reads = [
        (decode, image),
        (read_catalogue, closed / "images"),
        (read_catalogue, closed / "t.csv"),
        (read_folder, closed / "images"),
        (Index.open, closed / "i.dhx"),
        (Model.open, closed / "model"),
        (is_there, closed / "t.csv"),
    ]
    for read, path in reads:  # what is needed to read is loaded while that may be done
        read(path)
    closed.chmod(0)
    reads.append((read_saved, closed / "codes.npz"))
    for read, path in reads:
        assert f"{path}" in (message := refusal(read, path))
        assert "cannot be read: permission denied. Let this user read it" in message
    with powerless():
        assert not is_there(shared / "nothing")
        table, folder = read_catalogue(shared / "t.csv"), read_catalogue(shared)
    assert table.references == folder.references == ("open.png",)
    assert "closed/images/a.png cannot be read: permission denied" in table.left_out[0]
    assert f"{closed} cannot be read: permission denied" in folder.left_out[0]


def test_files_and_folders_of_other_users_are_refused(shared: Path):
    model = colour_model(shared / "model")
    Index.create(shared / "i.dhx", model).close()
    (shared / "t.csv").write_text("image\n")
    with pytest.raises(DualhashError):
        read_catalogue(shared / "t.csv")
    for name in ("i.dhx", "t.csv", "model/model.json"):
        (shared / name).chmod(0)
    assert "i.dhx cannot be read: permission denied" in refusal(Index.open, shared / "i.dhx")
    assert "t.csv cannot be read: permission denied" in refusal(read_catalogue, shared / "t.csv")
    assert "model.json cannot be read: permission denied" in refusal(Model.open, shared / "model")
    assert "n.dhx cannot be written: permission denied. Let this user write" in refusal(
        Index.create, shared / "n.dhx", model
    )


def test_only_regular_files_count_as_existing_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").touch()
    (tmp_path / "link.png").symlink_to(tmp_path / "a" / "x.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "nothing.png")
    names = ["a/x.png", "link.png", "broken.png", "a", "a/y.png", "b/x.png", ""]
    expected = [True, True, False, False, False, False, False]
    assert existing_files([str(tmp_path / name) if name else "" for name in names]) == expected
    monkeypatch.chdir(tmp_path)
    assert existing_files(names) == expected
    assert existing_files([]) == []


def test_folders_of_a_failed_block_are_removed(tmp_path: Path):
    def fail(folder: Path) -> None:
        with new_folder(folder):
            (folder / "part").touch()
            raise KeyboardInterrupt

    (tmp_path / "old").mkdir()
    for folder in ("old", "old/new/deep", "new/deep"):
        with pytest.raises(KeyboardInterrupt):
            fail(tmp_path / folder)
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == [
        "old",
        "old/part",
    ]
    with new_folder(tmp_path / "new" / "deep"):
        pass
    assert (tmp_path / "new" / "deep").is_dir()
