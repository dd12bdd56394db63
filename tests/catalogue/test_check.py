from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualhash.catalogue.check import check_images, check_labels, existing
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.folder import read_folder
from dualhash.catalogue.read import read_catalogue


def test_existing_finds_files_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").touch()
    (tmp_path / "link.png").symlink_to(tmp_path / "a" / "x.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "nothing.png")
    names = ["a/x.png", "link.png", "broken.png", "a", "a/y.png", "b/x.png", ""]
    expected = [True, True, False, False, False, False, False]
    assert existing([str(tmp_path / name) if name else "" for name in names]).tolist() == expected
    monkeypatch.chdir(tmp_path)
    assert existing(names).tolist() == expected
    assert existing([]).tolist() == []


def labels_said(folder: Path, header: str, *rows: str) -> list[tuple[str, str]]:
    """The problems of labels in a table whose attributes are all columns that begin with a_."""
    for i in range(len(rows)):
        (folder / f"{i}.png").touch()
    lines = [f"image,{header}", *(f"{i}.png,{row}" for i, row in enumerate(rows))]
    (folder / "t.csv").write_text("\n".join(lines))
    attributes = tuple(name for name in header.split(",") if name.startswith("a_"))
    catalogue = read_catalogue(folder / "t.csv", Columns(attributes=attributes))
    problems = check_labels(catalogue)
    assert catalogue.problems[-len(problems) :] == problems
    assert not any(problem.fatal for problem in problems)
    return [(problem.where, problem.what) for problem in problems]


def test_a_category_with_one_image(tmp_path: Path):
    said = labels_said(tmp_path, "category,subset", "a,test", ",test", "b,test", "a,test")
    assert said == [("t.csv row 3", "category 'b' has one image")]


def test_attributes_that_teach_nothing(tmp_path: Path):
    said = labels_said(
        tmp_path,
        "a_fine,a_never,a_always,a_unknown,subset",
        "1,0,1,,train-both",
        "0,0,1,,train-attribute",
        "1,1,0,1,test",
        "1,1,0,0,train-category",
    )
    assert said == [
        ("t.csv", "attribute 'a_never' is never present in the training subsets"),
        ("t.csv", "attribute 'a_always' is never absent in the training subsets"),
        ("t.csv", "attribute 'a_unknown' is never labelled in the training subsets"),
    ]


def test_without_training_subsets_all_labels_are_judged(tmp_path: Path):
    said = labels_said(tmp_path, "a_fine,a_never,subset", "1,0,test", "0,0,")
    assert said == [("t.csv", "attribute 'a_never' is never present")]


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


def test_a_damaged_image_is_left_out_and_named(zoo: Path):
    seen = []
    catalogue = read_catalogue(zoo.with_suffix(".csv"))
    checked = check_images(catalogue, lambda done, total: seen.append((done, total)))
    assert checked.catalogue.references == catalogue.references[:3]
    assert checked.sizes.tolist() == [[20, 10], [20, 11], [20, 12]]
    damaged, single = checked.catalogue.problems
    assert (damaged.where, damaged.fatal) == ("zoo.csv row 4", True)
    assert str(zoo / "dogs" / "2.png") in damaged.what
    assert (single.where, single.what) == ("zoo.csv row 3", "category 'dog' has one image")
    assert seen == [(i, 4) for i in range(1, 5)]


def test_labels_of_images_that_are_not_there_stay(zoo: Path):
    catalogue = read_folder(zoo)
    catalogue.images[0].unlink()
    checked = check_images(catalogue)
    assert checked.catalogue.references == ("cats/1.png", "cats/2.png", "dogs/1.png")
    assert checked.sizes.tolist() == [[20, 11], [20, 12]]
    assert [problem.where for problem in checked.catalogue.problems if problem.fatal] == [
        "dogs/2.png"
    ]


def test_labels_without_any_image_stay(zoo: Path):
    catalogue = read_folder(zoo)
    absent = replace(catalogue, images=tuple(Path("nowhere", r) for r in catalogue.references))
    checked = check_images(absent)
    assert checked.catalogue.references == catalogue.references
    assert checked.catalogue.problems == catalogue.problems
    assert checked.sizes.shape == (0, 2)
    assert checked.sizes.dtype == np.int64
