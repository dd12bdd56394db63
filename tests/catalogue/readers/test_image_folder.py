import os
from pathlib import Path

import pytest

from dualhash.catalogue.catalogue import MISSING, TEST, TRAIN_CATEGORY, LabelNames
from dualhash.catalogue.read_catalogue import read_catalogue
from dualhash.catalogue.readers.image_folder import read_folder
from dualhash.errors import DualhashError


def tree(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def test_folders_are_categories(tmp_path: Path):
    tree(tmp_path, "dogs/b.JPG", "dogs/a.png", "Cats/kittens/young/1.webp", "lone.jpeg")
    found = read_folder(tmp_path)
    assert found.source == str(tmp_path)
    assert found.names.categories == ("Cats", "dogs")
    assert found.references == (
        "lone.jpeg",
        "Cats/kittens/young/1.webp",
        "dogs/a.png",
        "dogs/b.JPG",
    )
    assert found.images == tuple(tmp_path / name for name in found.references)
    assert found.categories.tolist() == [MISSING, 0, 1, 1]
    assert found.attributes.shape == found.observed.shape == (4, 0)
    assert found.payload["category"].to_list() == [None, "Cats", "dogs", "dogs"]
    assert found.location(1) == "Cats/kittens/young/1.webp"


def test_labelled_images_are_train_category_or_test(tmp_path: Path):
    found = read_folder(tree(tmp_path, "lone.png", *(f"c/{i}.png" for i in range(60))))
    assert found.subsets[0] == -1
    assert set(found.subsets[1:].tolist()) == {TRAIN_CATEGORY, TEST}
    assert found.problems[0].message.startswith("There is no subset column")


def test_a_flat_folder_has_no_labels_and_nothing_is_wrong_with_it(tmp_path: Path):
    found = read_folder(tree(tmp_path, "b.png", "a.png"))
    assert found.references == ("a.png", "b.png")
    assert found.names.categories == ()
    assert found.categories.tolist() == [MISSING, MISSING]
    assert found.subsets.tolist() == [-1, -1]
    assert found.problems == ()


def test_other_files_are_counted_and_hidden_ones_passed_over(tmp_path: Path):
    tree(tmp_path, "a.png", "notes.txt", "more.TXT", "README", ".DS_Store", ".cache/x.png")
    found = read_folder(tmp_path)
    assert found.references == ("a.png",)
    [problem] = found.problems
    assert problem.message == "skipped 3 of 4 files, which are not images (no suffix, .txt)"


def test_pictures_that_cannot_be_read_are_counted_by_type(tmp_path: Path):
    tree(tmp_path, "a.png", "b.HEIC", "c.heic", "raw/d.cr2", "notes.txt")
    pictures, others = read_folder(tmp_path).remarks
    assert "formats that cannot be read: .cr2 (1), .heic (2)" in pictures
    assert "skipped 1 of 5 files" in others
    (tmp_path / "a.png").unlink()
    with pytest.raises(DualhashError, match=r"has no images.*\.heic \(2\)"):
        read_folder(tmp_path)


def test_an_image_whose_name_is_no_text_is_left_out_and_named(tmp_path: Path):
    tree(tmp_path, "a.png")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).touch()
    except OSError:
        pytest.skip("this file system takes no such names")
    found = read_folder(tmp_path)
    assert found.references == ("a.png",)
    [problem] = found.problems
    assert problem.fatal
    assert problem.location == str(tmp_path / "caf\ufffd.png")


def test_a_single_image_has_no_labels(tmp_path: Path):
    (image,) = tree(tmp_path, "dogs/a.PNG").rglob("*.PNG")
    found = read_catalogue(image, like=LabelNames(("dogs",), ("furry",)))
    assert (found.images, found.references) == ((image,), ("a.PNG",))
    assert (found.categories.tolist(), found.subsets.tolist()) == ([MISSING], [-1])
    assert found.observed.tolist() == [[False]]
    with pytest.raises(DualhashError, match=r"b\.png does not exist"):
        read_catalogue(tmp_path / "b.png")


@pytest.mark.parametrize("files", [(), ("notes.txt",)])
def test_a_folder_without_images_is_refused(tmp_path: Path, files: tuple[str, ...]):
    with pytest.raises(DualhashError, match=r"has no images.*\.png"):
        read_folder(tree(tmp_path, *files))
