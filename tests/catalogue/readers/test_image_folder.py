import os
import subprocess
import sys
from pathlib import Path

import pytest

from dualhash.catalogue.catalogue import MISSING, LabelNames, Subset
from dualhash.catalogue.problems import MANY
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
    catalogue = read_folder(tmp_path)
    assert catalogue.source == str(tmp_path)
    assert catalogue.names.categories == ("Cats", "dogs")
    assert catalogue.references == (
        "lone.jpeg",
        "Cats/kittens/young/1.webp",
        "dogs/a.png",
        "dogs/b.JPG",
    )
    assert catalogue.images == tuple(tmp_path / name for name in catalogue.references)
    assert catalogue.categories.tolist() == [MISSING, 0, 1, 1]
    assert catalogue.attributes.shape == catalogue.observed.shape == (4, 0)
    assert catalogue.payload["category"].to_list() == [None, "Cats", "dogs", "dogs"]
    assert catalogue.location(1) == "Cats/kittens/young/1.webp"


def test_labelled_images_are_in_train_category_or_test(tmp_path: Path):
    catalogue = read_folder(tree(tmp_path, "lone.png", *(f"c/{i}.png" for i in range(60))))
    assert catalogue.subsets[0] == -1
    assert set(catalogue.subsets[1:].tolist()) == {Subset.TRAIN_CATEGORY, Subset.TEST}
    assert catalogue.problems[0].message.startswith("There is no subset column")


def test_a_flat_folder_has_no_labels_and_no_problems(tmp_path: Path):
    catalogue = read_folder(tree(tmp_path, "b.png", "a.png"))
    assert catalogue.references == ("a.png", "b.png")
    assert catalogue.names.categories == ()
    assert catalogue.categories.tolist() == [MISSING, MISSING]
    assert catalogue.subsets.tolist() == [-1, -1]
    assert catalogue.problems == ()


def test_other_files_are_counted_and_hidden_files_ignored(tmp_path: Path):
    tree(tmp_path, "a.png", "notes.txt", "more.TXT", "README", ".DS_Store", ".cache/x.png")
    catalogue = read_folder(tmp_path)
    assert catalogue.references == ("a.png",)
    [problem] = catalogue.problems
    assert problem.message == "skipped 3 of 4 files, which are not images (no suffix, .txt)"


def test_images_of_unreadable_formats_are_left_out_one_by_one(tmp_path: Path):
    tree(tmp_path, "a.png", "b.JXL", "c.jxl", "raw/d.cr2", "notes.txt")
    catalogue = read_folder(tmp_path)
    [others] = catalogue.remarks
    assert "skipped 1 of 5 files" in others
    assert catalogue.left_out == [
        "b.JXL: .jxl images cannot be read; convert them to JPEG",
        "c.jxl: .jxl images cannot be read; convert them to JPEG",
        "raw/d.cr2: .cr2 images cannot be read; convert them to JPEG",
    ]


def test_many_images_of_unreadable_formats_are_also_counted_by_type(tmp_path: Path):
    tree(tmp_path, "a.png", "raw.cr2", *(f"{i}.jxl" for i in range(MANY)))
    catalogue = read_folder(tmp_path)
    assert len(catalogue.left_out) == MANY + 1
    [counts] = catalogue.remarks
    assert f"formats that cannot be read: .jxl ({MANY}), .cr2 (1); convert them" in counts


def test_a_folder_without_readable_images_is_refused(tmp_path: Path):
    tree(tmp_path, "b.JXL", "c.jxl")
    with pytest.raises(DualhashError, match=r"has no images.*\.jxl \(2\)"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("missing", "names", "message"),
    [
        (
            "pillow_heif",
            ["b.HEIC"],
            "install 'dualhash[heif]' for HEIC, or",
        ),
        (
            "PIL._avif",
            ["b.avif"],
            "install a wheel of 'pillow>=11.3' for AVIF, or",
        ),
    ],
)
def test_what_to_install_for_a_format_is_said(
    tmp_path: Path, missing: str, names: list[str], message: str
):
    tree(tmp_path, "a.png", *names)
    code = f"""
import sys
sys.modules[{missing!r}] = None
from dualhash.catalogue.problems import MANY
from dualhash.catalogue.read_catalogue import read_catalogue
print(*read_catalogue({str(tmp_path)!r}).left_out)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"images cannot be read; {message} convert" in done.stdout


def test_an_image_with_a_name_that_is_not_utf8_is_left_out_and_listed(tmp_path: Path):
    tree(tmp_path, "a.png")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")).touch()
    except OSError:
        pytest.skip("this file system takes no such names")
    catalogue = read_folder(tmp_path)
    assert catalogue.references == ("a.png",)
    [problem] = catalogue.problems
    assert problem.fatal
    assert problem.location == str(tmp_path / "caf\ufffd.png")


def test_a_single_image_has_no_labels(tmp_path: Path):
    (image,) = tree(tmp_path, "dogs/a.PNG").rglob("*.PNG")
    catalogue = read_catalogue(image, like=LabelNames(("dogs",), ("furry",)))
    assert (catalogue.images, catalogue.references) == ((image,), ("a.PNG",))
    assert (catalogue.categories.tolist(), catalogue.subsets.tolist()) == ([MISSING], [-1])
    assert catalogue.observed.tolist() == [[False]]
    with pytest.raises(DualhashError, match=r"b\.png does not exist"):
        read_catalogue(tmp_path / "b.png")


@pytest.mark.parametrize("files", [(), ("notes.txt",)])
def test_a_folder_without_images_is_refused(tmp_path: Path, files: tuple[str, ...]):
    with pytest.raises(DualhashError, match=r"has no images.*\.png"):
        read_folder(tree(tmp_path, *files))
