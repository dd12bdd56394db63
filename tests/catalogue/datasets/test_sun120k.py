import os
from pathlib import Path

import numpy as np
import pytest

from dualhash.catalogue.catalogue import Subset
from dualhash.catalogue.datasets import sun120k
from dualhash.errors import DualhashError

savemat = pytest.importorskip("scipy.io", reason="the train extra is not installed").savemat

ANNOTATED = [
    "a/abbey/sun_abbey00.jpg",  # in SUN397 too
    "a/abbey/sun_abbey90.jpg",  # only here
    "b/bakery/shop/sun_shop01.jpg",  # in SUN397 too
    "z/zoo/sun_zoo00.jpg",  # a category that SUN397 does not have
]
VOTES = np.array([[1, 0], [2 / 3, 1 / 3], [0, 1], [1 / 3, 2 / 3]])


@pytest.fixture
def root(tmp_path):
    """The layout of the archives: 29 scenes in 3 categories, 4 annotated images, 2 in both."""
    for folder, count in (("a/abbey", 12), ("b/bakery/shop", 14), ("c/canyon", 3)):
        (tmp_path / "SUN397" / folder).mkdir(parents=True)
        for i in range(count):
            (tmp_path / "SUN397" / folder / f"sun_{Path(folder).name}{i:02d}.jpg").touch()
    (tmp_path / "SUN397" / "ClassName.txt").write_text("/a/abbey\n")
    write_labels(tmp_path / "SUNAttributeDB")
    for path in ANNOTATED:
        (tmp_path / "images" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / path).touch()
    return tmp_path


def write_labels(folder: Path, images=ANNOTATED, votes=VOTES):
    folder.mkdir(exist_ok=True)
    savemat(folder / "images.mat", {"images": np.array(images, dtype=object).reshape(-1, 1)})
    savemat(
        folder / "attributes.mat",
        {"attributes": np.array(["sailing/ boating", "man-made "], dtype=object).reshape(-1, 1)},
    )
    savemat(folder / "attributeLabels_continuous.mat", {"labels_cv": votes})


def row(catalogue, reference):
    return catalogue.references.index(reference)


def test_the_two_data_sets_are_joined(root):
    catalogue = sun120k.read(root)
    assert len(catalogue) == 12 + 14 + 3 + 2
    assert catalogue.names.categories == ("abbey", "bakery/shop", "canyon", "zoo")
    assert catalogue.names.attributes == ("sailing/ boating", "man-made")
    assert catalogue.observed.any(axis=1).sum() == 4
    for reference, attributes in zip(ANNOTATED, [[1, 0], [1, 0], [0, 1], [0, 1]], strict=True):
        assert catalogue.attributes[row(catalogue, reference)].tolist() == attributes
    assert catalogue.attributes[~catalogue.observed].sum() == 0


def test_images_are_taken_from_sun397_first(root):
    catalogue = sun120k.read(root)
    assert catalogue.images[row(catalogue, ANNOTATED[0])] == root / "SUN397" / ANNOTATED[0]
    assert catalogue.images[row(catalogue, ANNOTATED[1])] == root / "images" / ANNOTATED[1]
    assert all(image.is_file() for image in catalogue.images)


def test_subsets_follow_the_paper(root):
    catalogue = sun120k.read(root)
    names = np.array(catalogue.names.categories)[catalogue.categories]
    test = catalogue.subsets == Subset.TEST
    assert {name: int((names[test] == name).sum()) for name in catalogue.names.categories} == {
        "abbey": 10,
        "bakery/shop": 10,
        "canyon": 0,
        "zoo": 0,
    }
    annotated = catalogue.observed.any(axis=1)
    assert (catalogue.subsets[~test & annotated] == Subset.TRAIN_BOTH).all()
    assert (catalogue.subsets[~test & ~annotated] == Subset.TRAIN_CATEGORY).all()
    assert catalogue.subsets[row(catalogue, ANNOTATED[3])] == Subset.TRAIN_BOTH


def test_drawn_names_are_saved_and_reused(root):
    first = sun120k.read(root)
    drawn = (root / "sun120k-test.txt").read_text().split()
    assert [first.references[i] for i in first.rows(Subset.TEST)] == drawn
    assert len(drawn) == 20
    (root / "sun120k-test.txt").write_text("c/canyon/sun_canyon01.jpg\n")
    again = sun120k.read(root)
    assert [again.references[i] for i in again.rows(Subset.TEST)] == ["c/canyon/sun_canyon01.jpg"]


def test_the_draw_is_deterministic(root):
    first = sun120k.read(root)
    (root / "sun120k-test.txt").unlink()
    assert sun120k.read(root).label_hash == first.label_hash


def test_drawn_names_that_do_not_exist_are_refused(root):
    (root / "sun120k-test.txt").write_text("a/abbey/sun_gone.jpg\n")
    with pytest.raises(DualhashError, match=r"sun120k-test\.txt names 1 images .*/sun_gone\.jpg"):
        sun120k.read(root)


def test_names_that_cannot_be_written_are_a_problem(root, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuse)
    catalogue = sun120k.read(root)
    assert len(catalogue.rows(Subset.TEST)) == 20
    assert any("cannot be written: permission denied" in p.message for p in catalogue.problems)


def test_problems_are_listed(root):
    (root / "images" / ANNOTATED[3]).unlink()
    again = root / "SUN397" / "c" / "canyon" / "sun_abbey03.jpg"
    again.touch()
    whats = [problem.message for problem in sun120k.read(root).problems]
    assert whats == [
        f"1 of 31 image files are not under {root}; their labels are kept",
        "1 images are repeated and read once",
        "2 categories are in both data sets, the paper has 395",
    ]
    assert "c/canyon/sun_abbey03.jpg" not in sun120k.read(root).references


def test_label_files_may_be_in_the_folder_itself(root):
    write_labels(root)
    for path in (root / "SUNAttributeDB").iterdir():
        path.unlink()
    (root / "SUNAttributeDB").rmdir()
    assert len(sun120k.read(root)) == 31


def test_cells_may_be_nested(root):
    nested = np.empty((4, 1), dtype=object)
    for i, name in enumerate(ANNOTATED):
        nested[i, 0] = np.array([name])
    savemat(root / "SUNAttributeDB" / "images.mat", {"images": nested})
    assert len(sun120k.read(root)) == 31


def test_missing_parts_are_named(root):
    (root / "SUNAttributeDB" / "attributes.mat").unlink()
    with pytest.raises(DualhashError, match=r"attributes\.mat does not exist"):
        sun120k.read(root)


def test_a_folder_without_scenes_is_refused(root):
    (root / "SUN397").rename(root / "elsewhere")
    with pytest.raises(DualhashError, match=r"SUN397 has no images; unpack SUN397\.tar\.gz"):
        sun120k.read(root)


def test_labels_of_another_release_are_refused(root):
    write_labels(root / "SUNAttributeDB", votes=VOTES[:3])
    with pytest.raises(DualhashError, match=r"has \(3, 2\) labels, but there are 4 images"):
        sun120k.read(root)


@pytest.mark.parametrize(
    ("reference", "category"),
    [("a/abbey/sun_x.jpg", "abbey"), ("b/bakery/shop/sun_y.jpg", "bakery/shop")],
)
def test_category_is_read_from_the_path(reference, category):
    assert sun120k.category_of(reference) == category
