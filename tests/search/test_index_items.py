"""Items of an index: adding them and reading them again."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualhash.codes import Model
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.search.storage.writer import CODES_PER_BLOCK
from tests.builders import colour_image, colour_model
from tests.search.stored_codes import stored


def ids(results) -> list[int]:
    return [hit.id for hit in results.hits]


def test_blocks_are_filled_and_stay_in_order(tmp_path: Path, model: Model):
    codes = np.random.default_rng(0).integers(0, 256, (2 * CODES_PER_BLOCK + 7, 2), np.uint8)
    with Index.create(tmp_path / "long.dhx", model) as index:
        for start in (0, 5, CODES_PER_BLOCK - 1, CODES_PER_BLOCK + 3):
            stop = {0: 5, 5: CODES_PER_BLOCK - 1, CODES_PER_BLOCK - 1: CODES_PER_BLOCK + 3}.get(
                start, len(codes)
            )
            index.add(codes[start:stop], ["x"] * (stop - start))
        ids, kept = stored(index)
        np.testing.assert_array_equal(ids, np.arange(len(codes)))
        np.testing.assert_array_equal(kept, codes)
        assert [len(ids) for ids, _ in index.codes()] == [
            CODES_PER_BLOCK,
            CODES_PER_BLOCK,
            7,
        ]
        for item in (0, CODES_PER_BLOCK - 1, CODES_PER_BLOCK, len(codes) - 1):
            np.testing.assert_array_equal(index.search(item).query.code, codes[item])


def test_two_open_indexes_see_changes_of_each_other(tmp_path: Path, index: Index):
    query = np.array([170, 170], np.uint8)
    with Index.open(index.path) as other:
        assert len(ids(other.search(query))) == 6
        assert index.add(query[None], ["new.png"]).tolist() == [6]
        assert other.search(query, k=1).hits[0].id == 6
        assert other.add(query[None], ["newer.png"]).tolist() == [7]
        assert ids(index.search(query, k=2)) == [6, 7]
        assert len(index) == len(other) == 8


def test_a_failed_addition_adds_nothing(index: Index):
    with pytest.raises(TypeError):
        index.add(np.zeros((2, 2), np.uint8), ["a.png", None])
    assert len(index) == 6
    assert index.search(np.zeros(2, np.uint8)).matched == 6
    assert index.add(np.zeros((1, 2), np.uint8), ["a.png"]).tolist() == [6]


@pytest.mark.parametrize(
    ("value", "stored_value"),
    [
        (np.int64(3), 3),
        (np.uint8(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.datetime64("2020-02-03"), "2020-02-03"),
        (np.datetime64("2020-02-03T04:05:06.789012345"), "2020-02-03T04:05:06.789012345"),
        (Decimal("12.50"), 12.5),
        (Decimal("1E+3"), 1000),
        (None, None),
        (date(2020, 2, 3), "2020-02-03"),
        (datetime(2020, 2, 3, 4, 5, tzinfo=UTC), "2020-02-03T04:05:00+00:00"),
        (time(4, 5), "04:05:00"),
        ("Élan", "Élan"),
        ((1, np.int8(2), [None]), [1, 2, [None]]),
        ({"deep": {"day": date(2020, 2, 3)}}, {"deep": {"day": "2020-02-03"}}),
    ],
)
def test_payload_values_are_stored_as_json(index: Index, value: object, stored_value: object):
    (item,) = index.add(np.zeros((1, 2), np.uint8), ["a.png"], [{"field": value}])
    stored_again = index.item(item).payload["field"]
    assert stored_again == stored_value
    assert type(stored_again) is type(stored_value)
    assert index.verify() == ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"raw", "bytes"),
        (timedelta(days=1), "timedelta"),
        (np.timedelta64(1, "ns"), "timedelta64"),
        (1j, "complex"),
        (np.zeros(2), "ndarray"),
        ([{"deep": {1}}], "set"),
        (Path("a"), "PosixPath"),
    ],
)
def test_other_payload_values_are_refused_by_name(index: Index, value: object, kind: str):
    payload = {"size": 1, "colour": value}
    message = rf"a\.png' cannot be stored: its field 'colour' holds a value of type {kind}\."
    with pytest.raises(DualhashError, match=message):
        index.add(np.zeros((1, 2), np.uint8), ["a.png"], [payload])
    with pytest.raises(DualhashError, match=f"type {kind}"):
        index.update(0, payload=payload)
    assert len(index) == 6
    assert index.item(0).payload == {"number": 0}


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"size": float("nan")}, "its field 'size' holds the number nan"),
        ({"size": np.float32("-inf")}, "its field 'size' holds the number -inf"),
        ({"size": Decimal("NaN")}, "its field 'size' holds the number nan"),
        ({"size": Decimal("Infinity")}, "its field 'size' holds the number inf"),
        ({"size": [1, {"deep": float("inf")}]}, "its field 'size' holds the number inf"),
        ({"day": np.datetime64("NaT")}, "its field 'day' holds a value of type datetime64"),
        ({3: "a"}, "its field 3 holds the key 3, which is not text"),
        ({"size": {3: "a"}}, "its field 'size' holds the key 3, which is not text"),
    ],
)
def test_payload_that_json_cannot_hold_is_refused_by_name(
    index: Index, payload: dict[Any, Any], message: str
):
    with pytest.raises(DualhashError, match=rf"a\.png' cannot be stored: {re.escape(message)}\. "):
        index.add(np.zeros((1, 2), np.uint8), ["a.png"], [payload])
    assert len(index) == 6


@pytest.mark.parametrize("payload", [{"size": float("nan")}, {"size": "caf\udce9"}])
def test_an_item_without_an_image_is_named_by_its_id(index: Index, payload: dict[str, Any]):
    with pytest.raises(DualhashError, match=r"^Item 7 cannot be stored: "):
        index.add(np.zeros((2, 2), np.uint8), payloads=[{}, payload])


def test_an_unknown_id_is_written_in_full(index: Index):
    with pytest.raises(DualhashError, match=f"no item with the id {2**65}\\."):
        index.delete([0, 2**65])
    assert 0 in index


def test_codes_that_are_no_array_are_refused(index: Index):
    for codes in ([[0, 0]], 5):
        with pytest.raises(DualhashError, match=f"these are a {type(codes).__name__}, not a NumPy"):
            index.add(codes)
    with pytest.raises(DualhashError, match="these are a list, not a NumPy array"):
        index.update(0, code=[0, 0])


def test_attributes_unknown_to_the_model_are_dropped(index: Index):
    labels = ItemLabels("hat", {"green": True, "woollen": True})
    (item,) = index.add(np.zeros((1, 2), np.uint8), ["a.png"], labels=[labels])
    assert index.item(item).labels == ItemLabels("hat", {"green": True})


def test_index_model_and_images_can_be_moved_together(tmp_path: Path):
    home, away = tmp_path / "home", tmp_path / "away"
    model = colour_model(home / "model")
    inside = colour_image(home / "images" / "a.png", (1, 2, 3))
    outside = colour_image(tmp_path / "elsewhere" / "b.png", (200, 2, 3))
    with Index.create(home / "i.dhx", model) as index:
        index.add(model.encode([inside, outside]).codes, [inside, outside])
    home.rename(away)
    with Index.open(away / "i.dhx") as index:
        results = index.search(outside)
        assert {hit.image for hit in results.hits} == {
            str(away / "images" / "a.png"),
            str(outside),
        }


def test_arguments_of_different_lengths_are_refused(index: Index):
    with pytest.raises(DualhashError, match="16 bits"):
        index.add(np.zeros((1, 4), np.uint8), ["a.png"])
    with pytest.raises(DualhashError, match="2 codes, 1 images, 2 payloads"):
        index.add(np.zeros((2, 2), np.uint8), ["a.png"])
