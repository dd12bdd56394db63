from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualhash.catalogue.check_images import check_images
from dualhash.catalogue.problems import MANY
from dualhash.catalogue.read_catalogue import read_catalogue
from dualhash.catalogue.readers.image_folder import read_folder


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """Two cats, a dog, and a second dog that is damaged; zoo.csv lists them."""
    for i, name in enumerate(("cats/1", "cats/2", "dogs/1", "dogs/2")):
        path = tmp_path / "zoo" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (10 + i, 20), "white").save(path)
    path.write_bytes(path.read_bytes()[:-30])
    rows = [f"zoo/{c}s/{i}.png,{c},test" for c in ("cat", "dog") for i in (1, 2)]
    (tmp_path / "zoo.csv").write_text("\n".join(["image,category,subset", *rows]))
    return tmp_path / "zoo"


def test_a_damaged_image_is_left_out_and_listed(zoo: Path):
    seen = []
    catalogue = read_catalogue(zoo.with_suffix(".csv"))
    checked, sizes = check_images(catalogue, lambda done, total: seen.append((done, total)))
    assert checked.references == catalogue.references[:3]
    assert sizes.tolist() == [[20, 10], [20, 11], [20, 12]]
    damaged, single = checked.problems
    assert (damaged.location, damaged.fatal) == ("zoo.csv row 4", True)
    assert str(zoo / "dogs" / "2.png") in damaged.message
    assert str(single) == "zoo.csv row 3: category 'dog' has one image"
    assert seen == [(i, 4) for i in range(1, 5)]


def test_many_damaged_images_are_also_counted_by_type(zoo: Path):
    for i in range(MANY):
        (zoo / "cats" / f"damaged{i}.jpg").write_bytes(b"")
    checked, _ = check_images(read_folder(zoo))
    remarks = [problem.message for problem in checked.problems if not problem.fatal]
    assert f"image files that cannot be read: .jpg ({MANY}), .png (1)" in remarks


def test_labels_of_missing_images_are_kept(zoo: Path):
    catalogue = read_folder(zoo)
    catalogue.images[0].unlink()
    checked, sizes = check_images(catalogue)
    assert checked.references == ("cats/1.png", "cats/2.png", "dogs/1.png")
    assert sizes.tolist() == [[20, 11], [20, 12]]
    assert [problem.location for problem in checked.problems if problem.fatal] == ["dogs/2.png"]


def test_labels_are_kept_if_no_image_exists(zoo: Path):
    catalogue = read_folder(zoo)
    absent = replace(catalogue, images=tuple(Path("nowhere", r) for r in catalogue.references))
    checked, sizes = check_images(absent)
    assert checked.references == catalogue.references
    assert checked.problems == catalogue.problems
    assert sizes.shape == (0, 2)
    assert sizes.dtype == np.int64
