import sys
from dataclasses import replace

import numpy as np
import pytest

from dualhash.catalogue.catalogue import MISSING, Subset
from dualhash.catalogue.datasets import DATASETS
from dualhash.catalogue.datasets.paper_labels import Release
from dualhash.errors import DualhashError

savemat = pytest.importorskip("scipy.io", reason="the train extra is not installed").savemat

SMALL = Release(
    name="small",
    categories=2,
    partition=(2, 1, 3, 2),
    train_places=("train/{name}", "{name}"),
    test_places=("val/{name}", "val/{category}/{name}", "{name}"),
)


def cells(*texts):
    return np.array(texts, dtype=object).reshape(-1, 1)


def content():
    return {
        "name_train": cells(
            "cat/1.jpg", "dog/2.jpg", "cat/3.jpg", "cat/4.jpg", "dog/5.jpg", "dog/6.jpg"
        ),
        "name_test": cells("7.jpg", "8.jpg"),
        "label_train": np.array([[0], [1], [2], [0], [1], [1]], np.uint16),
        "label_test": np.array([[0], [1]], np.uint16),
        "attribute_train": np.array([[1, -1], [0, 1], [-1, 1], [2, 2], [2, 2], [2, 2]], np.int16),
        "attribute_test": np.array([[0, 1], [1, -1]], np.int16),
        "info": cells("red", "round"),
    }


@pytest.fixture
def root(tmp_path):
    savemat(tmp_path / "dataset_info.mat", content())
    return tmp_path


def test_codes_hand_worked_example(root):
    catalogue = SMALL.read(root)
    assert catalogue.names.categories == ("cat", "dog")
    assert catalogue.names.attributes == ("red", "round")
    assert catalogue.categories.tolist() == [0, 1, MISSING, 0, 1, 1, 0, 1]
    assert catalogue.subsets.tolist() == [0, 0, 1, 2, 2, 2, 3, 3]
    assert catalogue.observed.all(axis=1).tolist() == [True] * 3 + [False] * 3 + [True] * 2
    assert catalogue.attributes.tolist() == [
        [1, 0], [0, 1], [0, 1], [0, 0], [0, 0], [0, 0], [0, 1], [1, 0],
    ]  # fmt: skip
    assert catalogue.class_ratios().tolist() == [2.0, 0.5]
    assert catalogue.payload.rows()[2] == ("cat/3.jpg", None, "train-attribute")
    assert catalogue.columns.attributes == ("red", "round")


def test_images_are_found_in_each_folder_layout(root):
    for place in ("train/cat/1.jpg", "dog/2.jpg", "val/7.jpg", "val/dog/8.jpg"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()
    catalogue = SMALL.read(root)
    assert [str(image.relative_to(root)) for image in catalogue.images] == [
        "train/cat/1.jpg",
        "dog/2.jpg",
        "train/cat/3.jpg",  # not there: where it is looked for first
        "train/cat/4.jpg",
        "train/dog/5.jpg",
        "train/dog/6.jpg",
        "val/7.jpg",
        "val/dog/8.jpg",
    ]
    [problem] = catalogue.problems
    assert problem.message == (f"4 of 8 image files are not under {root}; their labels are kept")
    assert not problem.fatal


def test_existing_images_give_no_problem(root):
    for name in ("cat/1", "dog/2", "cat/3", "cat/4", "dog/5", "dog/6", "7", "8"):
        (root / f"{name}.jpg").parent.mkdir(exist_ok=True)
        (root / f"{name}.jpg").touch()
    assert SMALL.read(root).problems == ()


def test_attribute_names_are_read_from_the_description(root):
    catalogue = replace(SMALL, attributes=("a", "b")).read(root)
    assert catalogue.names.attributes == ("a", "b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name_test": cells("7.jpg")}, "names 6 training and 1 test images, small has 6 and 2"),
        ({"label_test": np.zeros((1, 1), np.uint16)}, "one category label and 2 attribute labels"),
        ({"attribute_test": np.full((2, 2), 3, np.int16)}, "the attribute label 3"),
        ({"info": cells("red", "round", "old")}, "3 attribute labels"),
        ({"info": np.arange(2)}, "info, is not a list of strings"),
        ({"label_train": np.zeros((6, 1), np.uint16)}, "no training image .* category 1"),
    ],
)
def test_a_wrong_file_is_refused(root, change, message):
    savemat(root / "dataset_info.mat", content() | change)
    with pytest.raises(DualhashError, match=message) as caught:
        SMALL.read(root)
    assert "dataset_info.mat" in str(caught.value)


def test_a_missing_variable_is_named(root):
    incomplete = content()
    del incomplete["label_test"]
    savemat(root / "dataset_info.mat", incomplete)
    with pytest.raises(DualhashError, match="has no variable 'label_test'"):
        SMALL.read(root)


@pytest.mark.parametrize("length", [0, 60, 130, 300])
def test_a_damaged_file_is_named(root, length):
    path = root / "dataset_info.mat"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DualhashError, match=r"dataset_info\.mat"):
        SMALL.read(root)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DualhashError, match=r"dataset_info\.mat does not exist"):
        DATASETS["cfw60k"].load(tmp_path)


def test_error_without_scipy_says_what_to_install(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(DualhashError, match="pip install scipy"):
        SMALL.read(root)


REAL = {
    "cfw60k": (
        (1_000, 4_000, 50_000, 5_000),
        (500, 14),
        [1.358491, 0.736111, 18.230769, 0.231527, 10.904762],
        ("adriana_lima", "attribute-01"),
    ),
    "imagenet150k": (
        (5_000, 43_000, 100_000, 2_000),
        (1_000, 25),
        [5.417112, 42.321300, 11.834225, 20.089631, 28.286150],
        ("n01440764", "black"),
    ),
}


@pytest.fixture(scope="module", params=REAL)
def real(request, shared_data):
    name = request.param
    return DATASETS[name].load(shared_data / "dph" / name), *REAL[name]


def test_real_label_files_are_read(real):
    catalogue, partition, counts, ratios, first_names = real
    assert np.bincount(catalogue.subsets).tolist() == list(partition)
    assert (np.diff(catalogue.subsets) >= 0).all()
    names = catalogue.names
    assert (len(names.categories), len(names.attributes)) == counts
    assert (names.categories[0], names.attributes[0]) == first_names
    assert len(set(names.categories)) == counts[0]
    np.testing.assert_allclose(catalogue.class_ratios()[:5], ratios, atol=5e-7)
    hidden = catalogue.categories == MISSING
    np.testing.assert_array_equal(hidden, catalogue.subsets == Subset.TRAIN_ATTRIBUTE)
    np.testing.assert_array_equal(
        ~catalogue.observed.any(axis=1), catalogue.subsets == Subset.TRAIN_CATEGORY
    )
    assert len(set(catalogue.references)) == len(catalogue) == len(catalogue.payload)


def test_real_image_names_match_their_labels(real):
    catalogue = real[0]
    for reference, category in zip(catalogue.references, catalogue.categories, strict=True):
        folder, slash, _ = reference.partition("/")
        assert not slash or category == MISSING or catalogue.names.categories[category] == folder
