"""The model of an index: it is found again, and other models are refused."""

from pathlib import Path

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.request import DEFAULT_ATTRIBUTE_WEIGHT
from tests.builders import colour_image, colour_model


def ids(results) -> list[int]:
    return [hit.id for hit in results.hits]


def test_codes_of_another_model_are_refused(tmp_path: Path, index: Index):
    other = colour_model(tmp_path / "other", bits=16, seed=9)
    for form in (other, tmp_path / "other", str(tmp_path / "other")):
        with pytest.raises(DualhashError, match=r"codes of another model than .*other"):
            Index.open(index.path, form)
    wider = colour_model(tmp_path / "wider", bits=24)
    with pytest.raises(DualhashError, match=r"16 bits, .* not 24 bits"):
        Index.open(index.path, wider)


def test_a_retrained_model_is_refused(tmp_path: Path, index: Index):
    image = colour_image(tmp_path / "a.png", (1, 2, 3))
    colour_model(tmp_path / "model", bits=16, seed=9)
    with Index.open(index.path) as opened:
        assert ids(opened.search("id:0", k=1)) == [5]
        with pytest.raises(DualhashError, match="codes of another model"):
            opened.search(image)


def test_a_missing_model_is_reported(tmp_path: Path, index: Index):
    image = colour_image(tmp_path / "a.png", (1, 2, 3))
    (tmp_path / "model").rename(tmp_path / "moved")
    with (
        Index.open(index.path) as opened,
        pytest.raises(DualhashError, match=r"needs its model .* the option `model`"),
    ):
        opened.search(image)
    with Index.open(index.path, tmp_path / "moved") as opened:
        assert opened.search(image).matched == 6


def test_a_query_image_is_encoded_by_the_model_of_the_index(tmp_path: Path, model: Model):
    images = [colour_image(tmp_path / f"{i}.png", (i * 50, 255 - i * 50, 80)) for i in range(6)]
    codes = model.encode(images, views=10).codes
    with Index.create(tmp_path / "i.dhx", model, views=10) as index:
        index.add(codes, images)
    with Index.open(tmp_path / "i.dhx") as index:
        results = index.search(images[3])
        np.testing.assert_array_equal(results.query.code, codes[3])
        assert results.hits[0].distance == 0
        assert results.query.image == str(images[3])
        assert results.query.labels == ItemLabels()
        assert ids(index.search(str(images[3]))) == ids(results)


def test_attribute_weight_defaults_to_that_of_the_model(index: Index, tmp_path: Path):
    unsaid = index.search("id:0", task="weighted", want=["red"])
    assert unsaid.attribute_weight == DEFAULT_ATTRIBUTE_WEIGHT
    calibrated = colour_model(tmp_path / "calibrated", calibration={"attribute_weight": 7.5})
    with Index.create(tmp_path / "c.dhx", calibrated) as other:
        other.add(np.zeros((1, 2), np.uint8), ["x"])
        assert other.search("id:0", task="weighted", want=["red"]).attribute_weight == 7.5
        assert (
            other.search("id:0", task="weighted", want=["red"], attribute_weight=1).attribute_weight
            == 1
        )
        assert other.search("id:0").attribute_weight is None
