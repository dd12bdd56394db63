import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualhash import array_cache
from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError
from dualhash.features.feature_array import extract_features
from tests.features.mean_extractor import colours, grid_extractor, mean_extractor, solid_images

COUNT = 100


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    return solid_images(tmp_path / "images", COUNT)


def test_features_match_the_extractor(images: list[Path], tmp_path: Path):
    features = extract_features(mean_extractor(), images, tmp_path / "cache")
    assert features.values.dtype == np.float16
    np.testing.assert_array_equal(features.values, colours(COUNT))
    assert features.failed == {}


def test_a_second_call_reads_stored_features(images: list[Path], tmp_path: Path):
    extract_features(mean_extractor(), images, tmp_path / "cache")
    calls = []
    again = extract_features(
        mean_extractor(), images, tmp_path / "cache", lambda *done: calls.append(done)
    )
    np.testing.assert_array_equal(again.values, colours(COUNT))
    assert not calls


def test_features_of_mirror_images_come_second(tmp_path: Path):
    image = tmp_path / "halves.png"
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[:, :2] = (10, 20, 30)
    Image.fromarray(pixels).save(image)
    features = extract_features(grid_extractor((2, 4), 2), [image], tmp_path, mirror=True)
    left, right = [10, 0, 20, 0, 30, 0], [0, 10, 0, 20, 0, 30]
    np.testing.assert_array_equal(features.values, [[left, right]])


def test_features_with_and_without_mirror_images_are_kept_apart(images: list[Path], tmp_path: Path):
    for mirror, shape in ((True, (COUNT, 2, 3)), (False, (COUNT, 3)), (True, (COUNT, 2, 3))):
        kept = extract_features(mean_extractor(), images, tmp_path / "cache", mirror=mirror)
        assert kept.values.shape == shape


def test_a_changed_image_is_extracted_again(images: list[Path], tmp_path: Path):
    extract_features(mean_extractor(), images, tmp_path / "cache")
    images[3].write_bytes(images[7].read_bytes())
    os.utime(images[3], ns=(1, 1))
    again = extract_features(mean_extractor(), images, tmp_path / "cache")
    np.testing.assert_array_equal(again.values[3], colours(COUNT)[7])


def test_each_extractor_has_its_own_array(images: list[Path], tmp_path: Path):
    extract_features(mean_extractor(), images, tmp_path / "cache")
    extract_features(mean_extractor((3, 3)), images, tmp_path / "cache")
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2


def test_images_that_cannot_be_read_are_listed(images: list[Path], tmp_path: Path):
    images[70].write_bytes(b"damaged")
    images[2].unlink()
    features = extract_features(mean_extractor(), images, tmp_path / "cache")
    assert sorted(features.failed) == [2, 70]
    assert "does not exist" in features.failed[2]
    assert not features.values[[2, 70]].any()
    rest = np.delete(np.arange(COUNT), [2, 70])
    np.testing.assert_array_equal(features.values[rest], colours(COUNT)[rest])


KILLED = """
import os, signal, sys
from pathlib import Path
from dualhash import array_cache
from dualhash.features.feature_array import extract_features
from tests.features.mean_extractor import mean_extractor
array_cache.FLUSH_SECONDS = 0
images = [Path(line) for line in Path(sys.argv[1]).read_text().splitlines()]
extract_features(
    mean_extractor(), images, Path(sys.argv[2]),
    lambda done, total: os.kill(os.getpid(), signal.SIGKILL),
)
"""


def test_a_killed_extraction_continues_where_it_stopped(images: list[Path], tmp_path: Path):
    listed, cache = tmp_path / "images.txt", tmp_path / "cache"
    listed.write_text("\n".join(map(str, images)))
    images[1].write_bytes(b"damaged")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(listed), str(cache)], check=False, cwd=Path.cwd()
    )
    assert killed.returncode == -signal.SIGKILL
    assert not [path for path in cache.glob("*.npy") if "unfinished" not in path.name]
    reported = []
    features = extract_features(
        mean_extractor(), images, cache, lambda done, total: reported.append((done, total))
    )
    assert reported == [(COUNT, COUNT)], "the first batch is not extracted again"
    assert list(features.failed) == [1]
    rest = np.delete(np.arange(COUNT), [1])
    np.testing.assert_array_equal(features.values[rest], colours(COUNT)[rest])


def test_a_full_disk_is_reported(images: list[Path], tmp_path: Path, monkeypatch):
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(array_cache.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(
        DualhashError,
        match=r"cache cannot be written: 0.0 GB are more than is free there.*DUALHASH_CACHE",
    ):
        extract_features(mean_extractor(), images, tmp_path / "cache")


def test_the_network_sees_the_centre_of_an_image(images: list[Path], tmp_path: Path):
    mean = mean_extractor()
    larger = Preprocessing(resize=(8, 6), crop=mean.preprocessing.crop)
    features = extract_features(replace(mean, preprocessing=larger), images, tmp_path / "cache")
    np.testing.assert_array_equal(features.values, colours(COUNT))
