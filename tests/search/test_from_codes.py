"""An index of codes from anywhere: no model, and heads only if they are given."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

from dualhash.cli.app import main
from dualhash.codes import LinearHead
from dualhash.errors import DualhashError
from dualhash.search import Index, ItemLabels
from dualhash.serve.app import create_app
from dualhash.serve.settings import Settings
from tests.builders import colour_image, colour_model

CODES = np.array([[0b00000000, 0], [0b10000000, 0], [0b11000000, 0], [255, 255]], np.uint8)
BITS = np.unpackbits(CODES, axis=1).astype(bool)
FIRST_BIT = np.eye(1, 16, dtype=np.float32)
RED = LinearHead(("red",), 4 * FIRST_BIT, np.array([-2], np.float32))
KINDS = LinearHead(("hat", "shoe"), np.vstack([FIRST_BIT, -FIRST_BIT]), np.zeros(2, np.float32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "codes.dhx"


def ids(results) -> list[int]:
    return [hit.id for hit in results]


@pytest.mark.parametrize("codes", [CODES, BITS, np.asfortranarray(CODES)])
def test_codes_are_searched_by_distance(path: Path, codes: np.ndarray):
    with Index.from_codes(path, codes) as index:
        results = index.search(1, k=9)
        assert ids(results) == [0, 2, 3]
        assert [hit.distance for hit in results] == [1, 1, 15]
        assert ids(index.search(np.array([255, 0], np.uint8), k=1)) == [2]
        assert (index.header.bits, index.get(3).code.tolist()) == (16, [255, 255])
        assert index.get(3).image == ""
        assert index.verify() == ()


def test_codes_are_ranked_by_their_leading_bits(path: Path):
    """Only the first 8 bits rank; the head reads the last bit."""
    head = LinearHead(("round",), 4 * np.eye(16, dtype=np.float32)[15:], np.array([-2], np.float32))
    with Index.from_codes(path, CODES, ranking_bits=8, attribute_head=head) as index:
        results = index.search(3, k=9)
        assert (index.header.ranking_bits, results.bits) == (8, 8)
        assert [(hit.id, hit.distance) for hit in results] == [(2, 6), (1, 7), (0, 8)]
        assert ids(index.search(3, radius=7)) == [2, 1]
        assert ids(index.search(0, want="round")) == [3]
        near = index.search(np.array([255, 0], np.uint8), want="round", task="weighted", k=1)
        assert [(hit.id, hit.distance) for hit in near] == [(3, 0)]
        (by_attribute,) = index.search(
            np.array([255, 0], np.uint8), want="round", task="attribute"
        )[:1]
        assert (by_attribute.id, by_attribute.distance) == (3, 0)
        index.add(np.array([[254, 0]], np.uint8))
        assert [(hit.id, hit.distance) for hit in index.search(3, k=1)] == [(4, 1)]
        page = results._repr_html_()
        assert "6 / 8 bits" in page


@pytest.mark.parametrize("ranking_bits", [0, 4, -8, 16, 24])
def test_wrong_ranking_bits_are_refused(path: Path, ranking_bits: int):
    with pytest.raises(DualhashError, match="must be a multiple of 8 below 16"):
        Index.from_codes(path, CODES, ranking_bits=ranking_bits)
    assert not path.exists()


def test_payload_images_and_labels_are_kept(path: Path, tmp_path: Path):
    table = pl.DataFrame({"name": ["a", "b", "c", "d"], "price": [1, 2, None, 4]})
    labels = [ItemLabels("hat", {"red": True, "big": True}), *[ItemLabels()] * 3]
    images = [tmp_path / f"{i}.png" for i in range(4)]
    with Index.from_codes(
        path, CODES, payload=table, images=images, labels=labels, attribute_head=RED
    ) as index:
        assert index.get(0).payload == {"name": "a", "price": 1}
        assert index.get(0).image == str(images[0])
        assert index.get(0).labels == ItemLabels("hat", {"red": True})
        assert ids(index.search(0, filter={"price": 2})) == [1]
    payload = [{"n": i} for i in range(4)]
    with Index.from_codes(path, CODES, payload=payload, replace=True) as index:
        assert ids(index.search(0, filter={"n": 3})) == [3]


def test_a_path_with_a_null_character_is_refused(tmp_path: Path):
    with pytest.raises(DualhashError, match=r"a\\x00b.dhx' cannot be written"):
        Index.from_codes(tmp_path / "a\0b.dhx", CODES)
    with pytest.raises(DualhashError, match="does not exist"):
        Index.open(tmp_path / "a\0b.dhx")
    assert not list(tmp_path.iterdir())


def test_codes_that_are_no_array_are_refused(path: Path):
    with pytest.raises(DualhashError, match="these are a list, not a NumPy array"):
        Index.from_codes(path, CODES.tolist())


def test_heads_predict_labels(path: Path):
    """By hand: with the first bit red is sigmoid(4 - 2), without it sigmoid(-2)."""
    with Index.from_codes(path, CODES, attribute_head=RED, category_head=KINDS) as index:
        results = index.search(0, want=["red"], k=9)
        assert ids(results) == [1, 2, 3]
        assert results[0].probabilities["red"] == pytest.approx(1 / (1 + np.exp(-2)))
        prediction = results.query.prediction
        assert prediction.attributes["red"] == pytest.approx(1 / (1 + np.exp(2)))
        assert (prediction.category, prediction.probability) == ("hat", 0.5)
        assert index.search(1, k=1).query.prediction.category == "hat"


def test_weights_given_as_lists_are_accepted(path: Path):
    head = LinearHead(["red"], [[4.0] + 15 * [0.0]], [-2.0])
    with Index.from_codes(path, CODES, attribute_head=head) as index:
        assert ids(index.search(task="combined", want=["red"])) == [1, 2, 3]


def test_searches_that_need_a_model_are_refused(path: Path, tmp_path: Path):
    image = colour_image(tmp_path / "a.png", (1, 2, 3))
    with Index.from_codes(path, CODES) as index:
        with pytest.raises(DualhashError, match="created from codes, without a model"):
            index.search(image)
        with pytest.raises(DualhashError, match="it has no attribute head"):
            index.search(1, want=["red"])
    with pytest.raises(DualhashError, match="it belongs to no model"):
        Index.open(path, colour_model(tmp_path / "model"))


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (CODES.astype(np.int64), r"these are int64 of shape \(4, 2\)"),
        (BITS.astype(float), "float64"),
        (CODES[0], r"uint8 of shape \(2,\)"),
        (np.zeros((3, 0), np.uint8), r"\(3, 0\)"),
        (np.zeros((3, 12), bool), "multiple of 8, not 12"),
    ],
)
def test_codes_of_a_wrong_shape_or_type_are_refused(path: Path, codes: np.ndarray, message: str):
    with pytest.raises(DualhashError, match=message):
        Index.from_codes(path, codes)
    assert not path.exists()


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (LinearHead(("red",), np.zeros((1, 8)), np.zeros(1)), r"needs weights of shape \(1, 16\)"),
        (LinearHead(("red",), np.zeros((1, 16)), np.zeros(2)), r"biases of shape \(1,\)"),
        (LinearHead(("a", "a"), np.zeros((2, 16)), np.zeros(2)), "two outputs of one name"),
        (LinearHead(("red",), np.full((1, 16), np.nan), np.zeros(1)), "not finite"),
    ],
)
def test_heads_that_do_not_fit_are_refused(path: Path, head: LinearHead, message: str):
    with pytest.raises(DualhashError, match=f"The attribute head .*{message}"):
        Index.from_codes(path, CODES, attribute_head=head)
    with pytest.raises(DualhashError, match=f"The category head .*{message}"):
        Index.from_codes(path, CODES, category_head=head)


def test_arguments_of_different_lengths_keep_the_old_index(path: Path):
    Index.from_codes(path, CODES).close()
    with pytest.raises(DualhashError, match="exists already"):
        Index.from_codes(path, CODES)
    with pytest.raises(DualhashError, match="4 codes, 4 images, 1 payloads"):
        Index.from_codes(path, CODES, payload=[{}], replace=True)
    with Index.open(path) as index:
        assert len(index) == 4


def test_items_are_added_and_changed(path: Path):
    with Index.from_codes(path, CODES[:0]) as index:
        assert index.add(CODES, [""] * 4).tolist() == [0, 1, 2, 3]
        index.update(0, payload={"n": 1})
        index.delete([1])
        assert ids(index.search(0, k=9)) == [2, 3]
        assert index.get(0).image == ""


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main(list(words))
    captured = capsys.readouterr()
    return stopped.value.code, captured.out + captured.err


def test_commands_work_without_a_model(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    image = colour_image(tmp_path / "a.png", (1, 2, 3))
    Index.from_codes(path, CODES, payload=[{"n": i} for i in range(4)]).close()
    code, out = run(capsys, "search", str(path), "id:1", "--json", "--sheet", "s.png")
    assert (code, [hit["id"] for hit in json.loads(out)["hits"]]) == (0, [0, 2, 3])
    for words in (["search", str(path), "id:1"], ["index", "stats", str(path)]):
        assert run(capsys, *words)[0] == 0
    assert "no damage" in run(capsys, "index", "verify", str(path))[1]
    for suffix in ("csv", "parquet", "npz"):
        assert run(capsys, "codes", "export", str(path), "--out", f"o.{suffix}")[0] == 0
    assert pl.read_parquet("o.parquet")["image"].to_list() == [""] * 4
    for words in (["search", str(path), str(image)], ["index", "add", str(path), str(image)]):
        code, out = run(capsys, *words)
        assert code
        assert "without a model" in " ".join(out.split())


def test_the_service_searches_by_item_without_a_model(path: Path, tmp_path: Path):
    Index.from_codes(path, CODES, attribute_head=RED).close()
    app = create_app(path, settings=Settings(rate=0))
    with TestClient(app, base_url="http://localhost") as client:
        found = client.post("/api/v1/search", json={"id": 1}).json()
        assert [hit["id"] for hit in found["hits"]] == [0, 2, 3]
        stats = client.get("/api/v1/stats").json()
        assert stats["images"] is False
        assert "without a model" in stats["problem"]
        assert client.get("/api/v1/items/1/thumbnail").status_code == 404
        assert client.get("/api/v1/items/1").json()["file_name"] == ""
        assert client.get("/api/v1/model").json()["bits"] == 16
        upload = {"image": image_bytes(tmp_path)}
        refused = client.post("/api/v1/search", files=upload)
        assert "without a model" in refused.json()["detail"]


def image_bytes(folder: Path) -> bytes:
    return colour_image(folder / "a.png", (1, 2, 3)).read_bytes()
