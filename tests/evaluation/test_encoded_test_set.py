from dataclasses import replace

import numpy as np
import pytest

from dualhash.catalogue.catalogue import Catalogue, Subset
from dualhash.catalogue.columns import Columns
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.evaluation.encoded_test_set import (
    encode_test_images,
    match_saved_codes,
    read_indexed_codes,
)
from dualhash.search import Index, build_index
from tests.builders import colour_image, colour_model

COLUMNS = Columns(image="file", category="kind", attributes=("red", "green", "blue"))


@pytest.fixture
def model(tmp_path):
    return colour_model(tmp_path / "model")


@pytest.fixture
def catalogue(tmp_path):
    """Twelve images, the first two trained on, the last damaged, number 3 without a category."""
    rng = np.random.default_rng(0)
    rows = ["file,kind,red,green,blue,subset"]
    for i in range(12):
        colour = rng.integers(256, size=3)
        colour_image(tmp_path / f"{i}.png", tuple(colour.tolist()))
        kind = "" if i == 3 else ("circle", "square")[i % 2]
        labels = ",".join(str(int(value > 127)) for value in colour)
        rows.append(f"{i}.png,{kind},{labels},{'test' if i > 1 else 'train-both'}")
    (tmp_path / "11.png").write_bytes(b"not an image")
    (tmp_path / "shapes.csv").write_text("\n".join(rows))
    return Catalogue.read(tmp_path / "shapes.csv", COLUMNS)


@pytest.fixture
def saved(model, catalogue):
    unseen = encode_test_images(model, catalogue)
    return unseen.saved(model.attribute_probabilities(unseen.reals))


def test_saved_codes_hold_the_image_names(model, catalogue, saved):
    assert saved.images == tuple(f"{i}.png" for i in range(2, 11))
    # circle, square and, one past the last, the image that has no category.
    assert saved.labels.tolist() == [0, 2, 0, 1, 0, 1, 0, 1, 0]
    reals = model.encode(catalogue.images[2:11]).reals
    np.testing.assert_array_equal(saved.outputs, reals)
    np.testing.assert_allclose(
        saved.probabilities, model.attribute_head.probabilities(reals), rtol=1e-6
    )


def test_indexed_codes_match_the_index(tmp_path, model, catalogue):
    build_index(model, catalogue.take(np.array([5, 3, 0, 4])), tmp_path / "some.dhx")
    with Index.open(tmp_path / "some.dhx") as index:
        found = read_indexed_codes(index, catalogue)
    assert found.catalogue.references == ("3.png", "4.png", "5.png")
    expected = quantise(model.encode(catalogue.images[3:6]).reals)
    np.testing.assert_array_equal(found.reals, expected.astype(np.float32))
    assert len(found.failures) == 7
    assert "2.png is not in" in found.failures[0].reason


def test_an_index_of_other_images_is_refused(tmp_path, model, catalogue):
    build_index(model, catalogue.take(np.array([0, 1])), tmp_path / "train.dhx")
    with (
        Index.open(tmp_path / "train.dhx") as index,
        pytest.raises(DualhashError, match=r"train\.dhx has none of the test images"),
    ):
        read_indexed_codes(index, catalogue)


def test_codes_are_matched_to_images_by_name(catalogue, saved):
    order = np.array([4, 0, 7])
    some = replace(
        saved,
        outputs=saved.outputs[order],
        probabilities=saved.probabilities[order],
        labels=saved.labels[order],
        images=tuple(saved.images[i] for i in order),
    )
    found = match_saved_codes(some, catalogue)
    assert found.catalogue.references == some.images
    assert found.reals is some.outputs
    assert found.label_hash == catalogue.take(catalogue.rows(Subset.TEST)).label_hash


def test_codes_without_names_follow_the_catalogue_order(catalogue, saved):
    readable = catalogue.take(np.arange(11))
    found = match_saved_codes(replace(saved, images=()), readable)
    assert found.catalogue.references == saved.images
    with pytest.raises(DualhashError, match=r"codes of 9 images, but .* has 10 .* appends"):
        match_saved_codes(replace(saved, images=()), catalogue)


def test_renumbered_categories_are_accepted(catalogue, saved):
    renumbered = replace(saved, labels=np.array([7, 0, 5])[saved.labels])
    assert len(match_saved_codes(renumbered, catalogue).catalogue) == 9


@pytest.mark.parametrize("labels", [[0, 2, 0, 1, 1, 1, 0, 1, 0], [0] * 9, list(range(9))])
def test_categories_of_other_images_are_refused(catalogue, saved, labels):
    with pytest.raises(DualhashError, match="categories of the codes are not those"):
        match_saved_codes(replace(saved, labels=np.array(labels)), catalogue)


def test_unknown_images_or_attributes_are_refused(catalogue, saved):
    names = ("0.png", *saved.images[1:])
    with pytest.raises(DualhashError, match=r"code of 0\.png, which is not a test image"):
        match_saved_codes(replace(saved, images=names), catalogue)
    with pytest.raises(DualhashError, match=r"have 2 attributes, .* has 3\. .*--facet-columns"):
        match_saved_codes(replace(saved, probabilities=saved.probabilities[:, :2]), catalogue)
