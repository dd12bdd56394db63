import json
from pathlib import Path

import numpy as np
import pytest

from dualhash.catalogue.columns import MISSING_VALUES
from dualhash.codes import LinearHead, Model, ModelCard, pack, write_model
from dualhash.codes.model import predict
from dualhash.errors import DualhashError
from tests.builders import card, colour_encoder, colour_image, colour_model, write_colour_model


def test_a_model_encodes_and_predicts(tmp_path: Path):
    model = colour_model(tmp_path / "model", bits=24)
    image = colour_image(tmp_path / "red.png", (255, 0, 0))
    encoded = model.encode([image])
    assert model.bits == 24
    assert encoded.codes.shape == (1, 3)
    arrays = np.broadcast_to(np.array([255, 0, 0], np.uint8), (2, 8, 8, 3))
    np.testing.assert_allclose(model.encoder.encode_arrays(arrays)[1], encoded.reals[0], atol=1e-6)
    (prediction,) = model.predict(encoded.codes)
    assert prediction.category in model.card.category_names
    assert list(prediction.attributes) == ["red", "green", "blue"]


def test_a_model_predicts_by_its_calibrated_heads(tmp_path: Path):
    model = colour_model(tmp_path / "model")
    codes = np.array([[3, 200]], np.uint8)
    heads = model.calibrated_category_head, model.calibrated_attribute_head
    assert model.predict(codes) == predict(codes, *heads)
    assert model.predict(codes) != predict(codes, model.category_head, model.attribute_head)


def test_predictions_hand_worked_example():
    """Category scores 2 and 1; attribute scores ln 3 and -ln 3."""
    bits = np.array([[1, 0, 0, 0, 0, 0, 0, 1]], bool)
    category = np.zeros((2, 8), np.float32)
    category[0, 0], category[1, 7] = 2, 1
    attribute = np.zeros((2, 8), np.float32)
    attribute[:, 0] = np.log(3), -np.log(3)
    (prediction,) = predict(
        pack(bits),
        LinearHead(("shoe", "hat"), category, np.zeros(2, np.float32)),
        LinearHead(("red", "new"), attribute, np.zeros(2, np.float32)),
    )
    assert prediction.category == "shoe"
    assert prediction.probability == pytest.approx(0.731059, abs=1e-6)
    assert prediction.attributes == pytest.approx({"red": 0.75, "new": 0.25})


def test_a_model_without_categories_predicts_none():
    empty = LinearHead((), np.zeros((0, 8), np.float32), np.zeros(0, np.float32))
    (prediction,) = predict(np.zeros((1, 1), np.uint8), empty, empty)
    assert (prediction.category, prediction.probability, prediction.attributes) == (None, 0.0, {})


def test_the_hash_depends_on_everything_that_changes_codes(tmp_path: Path):
    same = colour_model(tmp_path / "a", seed=1).hash
    story = {"source": "elsewhere", "training": {"seconds": 3}}
    assert len(same) == 64
    assert colour_model(tmp_path / "b", seed=1, **story).hash == same
    assert colour_model(tmp_path / "c", seed=2).hash != same
    swapped = {"attribute_names": ("red", "blue", "green")}
    assert colour_model(tmp_path / "d", seed=1, **swapped).hash != same


def test_heads_of_the_wrong_shape_are_refused(tmp_path: Path):
    heads = {
        "category_head.weight": np.zeros((3, 16), np.float32),
        "category_head.bias": np.zeros(3, np.float32),
        "attribute_head.weight": np.zeros((2, 16), np.float32),
        "attribute_head.bias": np.zeros(2, np.float32),
    }
    graph = colour_encoder(np.zeros((3, 16)), np.zeros(16), (8, 8))
    write_model(tmp_path, card(16), heads, graph)
    with pytest.raises(DualhashError, match=r"attribute_head.weight is \(2, 16\), not \(3, 16\)"):
        Model.open(tmp_path)
    del heads["category_head.bias"]
    write_model(tmp_path, card(16, attribute_names=("red", "green")), heads, graph)
    with pytest.raises(DualhashError, match="has no category_head"):
        Model.open(tmp_path)


def test_a_card_that_does_not_match_the_encoder_is_refused(tmp_path: Path):
    write_colour_model(tmp_path, bits=16)
    path = tmp_path / "model.json"
    described = json.loads(path.read_text())
    described["preprocessing"]["crop"] = [4, 4]
    path.write_text(json.dumps(described))
    with pytest.raises(DualhashError, match=r"does not match model\.json"):
        Model.open(tmp_path)


def test_attribute_units_are_returned_unchanged(tmp_path: Path):
    model = colour_model(tmp_path / "model", attribute_units=(2, 0, 1))
    outputs = np.random.default_rng(0).random((3, 16), dtype=np.float32)
    assert np.array_equal(model.attribute_probabilities(outputs), outputs[:, [2, 0, 1]])
    bits = outputs > 0.5
    assert np.array_equal(
        model.attribute_probabilities(bits), model.attribute_head.probabilities(bits)
    )
    plain = colour_model(tmp_path / "plain")
    assert np.array_equal(
        plain.attribute_probabilities(outputs), plain.attribute_head.probabilities(outputs)
    )


def test_columns_of_older_cards_have_no_missing_values():
    columns = {"image": "file", "min_positives": 50}
    data = card().model_dump(mode="json")
    assert ModelCard.model_validate(data).columns.missing_values == MISSING_VALUES
    assert ModelCard.model_validate(data | {"columns": columns}).columns.missing_values == ()
