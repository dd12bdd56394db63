import os
from pathlib import Path

import pytest

from dualhash.files import write_whole


def test_a_file_is_written_and_replaced(tmp_path: Path):
    write_whole(tmp_path / "report.json", "old\n")
    write_whole(tmp_path / "report.json", "new é\n")
    assert (tmp_path / "report.json").read_bytes() == "new é\n".encode()
    write_whole(tmp_path / "report.json", b"\xff\r\n")
    assert (tmp_path / "report.json").read_bytes() == b"\xff\r\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_others_may_read_what_they_could_read_of_any_new_file(tmp_path: Path):
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "report.json", "")
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(_: int) -> None:
        raise OSError("disk full")

    write_whole(tmp_path / "report.json", "old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_whole(tmp_path / "report.json", "new")
    assert (tmp_path / "report.json").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
