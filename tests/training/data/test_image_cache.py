import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dualhash import array_cache
from dualhash.array_cache import KEY_LENGTH, UNFINISHED, CachedArray
from dualhash.catalogue.images import Preprocessing, load_image
from dualhash.codes import encoder
from dualhash.errors import DualhashError
from dualhash.training.data.image_cache import cached_images

SIZE = Preprocessing(resize=(6, 5), crop=(6, 5))


def file_of(cached: CachedArray) -> Path:
    assert isinstance(cached.values, np.memmap)
    return Path(cached.values.filename)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    made = [tmp_path / f"{i}.png" for i in range(4)]
    for path in made:
        Image.fromarray(rng.integers(0, 256, (9, 8, 3), dtype=np.uint8)).save(path)
    return made


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was decoded since the start of the test."""
    seen: list[Path] = []

    def load(path: Path, preprocessing: Preprocessing) -> np.ndarray:
        seen.append(path)
        return load_image(path, preprocessing)

    monkeypatch.setattr(encoder, "load_image", load)
    return seen


def test_holds_the_images_at_the_given_size(paths: list[Path], own_cache: Path):
    pixels = cached_images(paths, SIZE, own_cache).values
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, [load_image(path, SIZE) for path in paths])
    assert isinstance(pixels, np.memmap)


def test_cache_is_reused(paths: list[Path], own_cache: Path, decoded: list[Path]):
    cached_images(paths, SIZE, own_cache)
    assert len(decoded) == 4
    cached_images(paths, SIZE, own_cache)
    assert len(decoded) == 4


def test_size_order_and_content_select_the_cache(
    paths: list[Path], own_cache: Path, decoded: list[Path]
):
    cached_images(paths, SIZE, own_cache)
    cached_images(paths, Preprocessing(resize=(7, 5), crop=(6, 5)), own_cache)
    backwards = cached_images(paths[::-1], SIZE, own_cache).values
    assert np.array_equal(backwards[0], load_image(paths[3], SIZE))
    Image.new("RGB", (8, 9), "red").save(paths[0])
    os.utime(paths[0], ns=(1, 1))
    changed = cached_images(paths, SIZE, own_cache).values
    assert len(decoded) == 16
    assert changed[0, 0, 0].tolist() == [255, 0, 0]


def test_damaged_and_missing_images_are_listed_and_skipped(paths: list[Path], own_cache: Path):
    paths[1].write_bytes(b"no image")
    paths[2].unlink()
    for _ in range(2):
        images = cached_images(paths, SIZE, own_cache)
        assert list(images.failed) == [1, 2]
        assert str(paths[1]) in images.failed[1]
        assert "does not exist" in images.failed[2]
        assert np.array_equal(images.values[3], load_image(paths[3], SIZE))


def test_a_repaired_image_is_read_again(paths: list[Path], own_cache: Path):
    content = paths[2].read_bytes()
    paths[2].unlink()
    assert list(cached_images(paths, SIZE, own_cache).failed) == [2]
    paths[2].write_bytes(content)
    assert cached_images(paths, SIZE, own_cache).failed == {}


def test_an_interrupted_cache_is_not_used(
    paths: list[Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_images(paths, SIZE, own_cache, interrupted)
    assert not [path for path in own_cache.glob("*.npy") if UNFINISHED not in path.name]
    images = cached_images(paths, SIZE, own_cache)
    assert np.array_equal(images.values[3], load_image(paths[3], SIZE))


def test_only_old_unfinished_files_are_removed(paths: list[Path], own_cache: Path):
    own_cache.mkdir()
    old, new = (own_cache / f"{digit * KEY_LENGTH}{UNFINISHED}" for digit in "01")
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    cached_images(paths, SIZE, own_cache)
    assert (old.exists(), new.exists()) == (False, True)


def test_unused_arrays_are_removed(paths: list[Path], own_cache: Path):
    cached_images(paths[:2], SIZE, own_cache)
    first = file_of(cached_images(paths[:1], SIZE, own_cache))
    mine = own_cache / "mine.npy"
    mine.touch()
    for path in own_cache.iterdir():
        os.utime(path, (0, 0))
    cached_images(paths[:1], SIZE, own_cache)  # is used
    third = file_of(cached_images(paths, SIZE, own_cache))
    records = {file.with_suffix(".json") for file in (first, third)}
    assert set(own_cache.iterdir()) == {first, third, mine, *records}


def test_a_lost_record_is_written_again(paths: list[Path], own_cache: Path):
    file = file_of(cached_images(paths, SIZE, own_cache))
    file.with_suffix(".json").unlink()
    images = cached_images(paths, SIZE, own_cache)
    assert np.array_equal(images.values[3], load_image(paths[3], SIZE))


SECOND = """
import sys
from pathlib import Path
from dualhash.training.data.image_cache import cached_images
from tests.training.data.test_image_cache import SIZE
print("started", flush=True)
paths = sorted(Path(sys.argv[1]).glob("?.png"))
cached_images(paths, SIZE, Path(sys.argv[2]), lambda *done: print("decoded"))
"""


def test_a_second_process_waits_for_the_first(paths: list[Path], own_cache: Path):
    others = []

    def start_another(done: int, total: int) -> None:
        command = [sys.executable, "-c", SECOND, str(paths[0].parent), str(own_cache)]
        others.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert others[0].stdout.readline() == "started\n"

    cached_images(paths, SIZE, own_cache, start_another)
    printed, _ = others[0].communicate()
    assert others[0].returncode == 0
    assert "decoded" not in printed


def test_progress_is_reported(paths: list[Path], own_cache: Path):
    reports: list[tuple[int, int]] = []
    cached_images(paths, SIZE, own_cache, lambda *report: reports.append(report))
    assert reports == [(4, 4)]


def test_a_folder_that_cannot_be_created_is_refused(paths: list[Path], tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DualhashError, match="DUALHASH_CACHE"):
        cached_images(paths, SIZE, tmp_path / "file" / "cache")


def test_too_little_disk_space_is_reported_before_writing(
    paths: list[Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        array_cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=6 * 5 * 3 * 4)
    )
    cached_images(paths, SIZE, own_cache)
    with pytest.raises(DualhashError, match="more than is free"):
        cached_images([*paths, paths[0]], SIZE, own_cache)
    assert not list(own_cache.glob(f"*{UNFINISHED}"))
