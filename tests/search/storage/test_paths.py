from pathlib import Path

from dualhash.search.storage.paths import portable


def test_paths_below_a_folder_are_written_from_there(tmp_path: Path):
    assert portable(tmp_path / "a" / ".." / "b" / "c.png", tmp_path) == "b/c.png"
    assert portable(tmp_path / "x.png", tmp_path / "deep") == str(tmp_path / "x.png")
