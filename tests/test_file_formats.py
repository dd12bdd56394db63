"""Opens files that earlier versions wrote; all expected values are what those versions printed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dualhash.codes import Calibration, Model
from dualhash.codes.calibration import Posterior
from dualhash.search import Index, ItemLabels
from dualhash.search.storage.header import Header
from dualhash.search.storage.rows import UNFILED

FORMATS = Path(__file__).parent / "formats"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy, because SQLite writes beside a file that it opens."""
    return Path(shutil.copytree(FORMATS / "version-0.1", tmp_path / "copy"))


def test_model_format_1_is_read(folder: Path):
    model = Model.open(folder / "model")
    assert model.hash == "a94d0baee54ea7c60269d3b6fbeb59b2b57d086c27f0302d97f4c40182f6f26e"
    assert model.card.calibration.attribute_weight == 2.5  # stored as "soft"
    encoded = model.encode([folder / "images" / "orange.png"])
    assert encoded.codes.tolist() == [[210, 205, 71, 128]]
    (prediction,) = model.predict(encoded.codes)
    assert prediction.category == "circle"
    assert prediction.probability == pytest.approx(0.9223667, abs=1e-5)
    assert prediction.attributes == pytest.approx(
        {"red": 0.9900485, "green": 0.5192301, "blue": 0.7246723}, abs=1e-5
    )


def check_calibrated_as_trained(holder: Model | Header):
    """Files of before calibrated heads have the same heads twice."""
    for kind in ("category", "attribute"):
        trained, calibrated = (
            getattr(holder, f"{prefix}{kind}_head") for prefix in ("", "calibrated_")
        )
        assert calibrated.names == trained.names
        assert np.array_equal(calibrated.weight, trained.weight)
        assert np.array_equal(calibrated.bias, trained.bias)


def check_format_2(model: Model, codes: NDArray[np.uint8], probability: float, red: float):
    assert model.card.format == 2
    check_calibrated_as_trained(model)
    assert model.card.calibration.attribute_weight == 2.5
    assert codes.tolist() == [[15, 186]]
    (prediction,) = model.predict(codes)
    assert prediction.category == "circle"
    assert prediction.probability == pytest.approx(probability, abs=1e-5)
    assert prediction.attributes["red"] == pytest.approx(red, abs=1e-5)


def test_model_format_2_is_read():
    model = Model.open(FORMATS / "version-0.1-format-2" / "model")
    assert model.hash == "4fc35e0b14211fc588b1b0c8298c76341fe54831230d24296acbc236011fe043"
    encoded = model.encode([FORMATS / "version-0.1" / "images" / "orange.png"])
    check_format_2(model, encoded.codes, 0.9739614, 0.8269266)


def test_a_model_of_vectors_in_format_2_is_read():
    model = Model.open(FORMATS / "version-0.1-format-2" / "vector-model")
    assert model.hash == "dd6042458640db0bf5711804cafeee37816c0288802684481fc26ed09b920ac5"
    assert (model.card.vector_length, model.card.preprocessing) == (3, None)
    encoded = model.encode_vectors(np.array([[1, 0.5, 0]], np.float32))
    check_format_2(model, encoded.codes, 0.5175713, 0.9389461)


def test_items_of_index_format_4_are_read(folder: Path):
    with Index.open(folder / "shapes.dhx") as index:
        assert index.verify() == ()
        check_calibrated_as_trained(index.header)
        assert index.header.calibration == Calibration(attribute_weight=2.5)
        state = index.state
        assert (len(index), state.count, state.edition, state.next_id) == (30, 30, 2, 31)
        assert [item.id for item in index] == [0, 1, 2, *range(4, 31)]
        unlabelled, plain, updated = (index.item(i) for i in (0, 1, 7))
        assert Path(plain.image) == folder / "images" / "1.png"
        assert unlabelled.labels == ItemLabels("circle", {})
        assert unlabelled.payload == {}
        assert plain.labels == ItemLabels("square", {"red": False, "green": False})
        assert plain.payload == {
            "name": "Shape 1",
            "price": 0.5,
            "maker": "Grace",
            "stock": 1,
            "new": False,
            "note": None,
        }
        assert updated.labels == ItemLabels("triangle", {"blue": True})
        assert updated.payload == {"name": "Changed", "price": 9.75}
        assert index.item(11).labels.category is None
        stats = index.stats()
        assert (stats.items, stats.deleted, stats.labelled, stats.bits) == (30, 1, 25, 32)


def test_index_format_4_can_be_searched(folder: Path):
    query = folder / "images" / "orange.png"
    red, not_blue = {"want": ["red"]}, {"without": ["blue"]}
    with Index.open(folder / "shapes.dhx") as index:

        def distances(*query: object, **options: object) -> list[tuple[int, int | None]]:
            return [(hit.id, hit.distance) for hit in index.search(*query, k=5, **options).hits]

        assert distances(query) == [(20, 0), (21, 11), (1, 12), (4, 12), (27, 12)]
        assert distances(7) == [(0, 0), (15, 12), (1, 13), (23, 13), (2, 14)]
        both = red | not_blue
        assert distances(query, **both) == [(1, 12), (27, 12), (16, 14), (17, 14), (0, 15)]
        assert index.search(query, **both).matched == 10
        weighted = index.search(query, task="weighted", k=5, **red)  # with the weight in the header
        assert [hit.id for hit in weighted.hits] == [20, 21, 27, 4, 1]
        best = index.search(k=5, **both).hits
        assert [hit.id for hit in best] == [27, 17, 28, 18, 0]
        assert [hit.score for hit in best] == pytest.approx(
            [0.98285, 0.9155, 0.82229, 0.79538, 0.64659], abs=1e-4
        )
        filter = {"maker": "Łukasz", "category": "square"}
        assert distances(query, filter=filter) == [(17, 14), (30, 17)]
        assert distances(query, filter={"price": "9.75"}) == [(7, 15)]


def test_index_format_4_can_be_changed(folder: Path):
    with Index.open(folder / "shapes.dhx") as index:
        code = index.model.encode([folder / "images" / "orange.png"]).codes
        assert index.add(code, ["new.png"]).tolist() == [31]
        index.delete([20])
        index.compact()
        assert [hit.id for hit in index.search(code[0], k=2).hits] == [31, 21]
        assert index.verify() == ()


@pytest.fixture
def calibrated(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FORMATS / "version-0.1-format-3", tmp_path / "copy"))


def test_model_format_3_is_read(calibrated: Path):
    model = Model.open(calibrated / "model")
    assert model.hash == "36d588538aa74d139883aea7f12dae5b4a179821b3a825dd74e159fb5f51f3a3"
    calibration = model.card.calibration
    assert (calibration.attribute_weight, calibration.balanced("red")) == (2.5, 0.3)
    assert calibration.thresholds["red"].absent.threshold == (0.1, 0.6)
    assert calibration.posterior == Posterior(epsilon=0.01, tau=32, better=True)
    assert (calibration.errors.attribute, model.card.ranking_bits) == (0.02, 8)
    (prediction,) = model.predict(np.array([[168, 229]], np.uint8))
    assert prediction.probability == pytest.approx(0.5016899, abs=1e-5)
    assert prediction.attributes == pytest.approx(
        {"red": 0.3877287, "green": 0.3854766, "blue": 0.5061830}, abs=1e-5
    )


def test_index_format_5_can_be_searched(calibrated: Path):
    with Index.open(calibrated / "shapes.dhx") as index:
        assert index.verify() == ()
        assert index.header.calibration == Model.open(calibrated / "model").card.calibration

        def found(**options: object) -> list[tuple[int, int | None]]:
            return [(hit.id, hit.distance) for hit in index.search(3, k=5, **options).hits]

        assert found() == [(9, 2), (6, 3), (7, 3), (1, 4), (4, 4)]
        assert found(want="red") == [(5, 4), (11, 5), (6, 3), (9, 2), (4, 4)]  # by posterior
        red = {"task": "combined", "want": "red"}
        assert found(**red) == [(9, 2), (6, 3), (4, 4), (5, 4), (0, 5)]
        assert found(**red, precision=0.9) == [(6, 3)]
        not_blue = {"task": "combined", "without": "blue"}
        assert found(**not_blue, precision=0.8) == [(6, 3), (7, 3), (5, 4), (8, 4), (11, 5)]
        assert [hit.id for hit in index.search(k=5, want="red")] == [6, 5, 11, 9, 2]


def test_index_format_5_can_be_compacted(calibrated: Path):
    with Index.open(calibrated / "shapes.dhx") as index:
        before = [(hit.id, hit.score) for hit in index.search(3, k=12, want="red")]
        index.delete([0])
        index.compact()
        assert index.has_clusters
        after = [(hit.id, hit.score) for hit in index.search(3, k=12, want="red")]
        assert after == [hit for hit in before if hit[0] != 0]
    with Index.open(calibrated / "shapes.dhx") as index:
        assert index.header.calibration == Model.open(calibrated / "model").card.calibration
        assert index.verify() == ()


def test_index_format_6_can_be_searched_and_changed(tmp_path: Path):
    folder = shutil.copytree(FORMATS / "version-0.1-index-6", tmp_path / "copy")
    with Index.open(Path(folder) / "shapes.dhx") as index:
        assert index.verify() == ()
        assert index.centres().codes.tolist() == [[15, 163], [215, 217], [215, 217], [95, 130]]
        assert np.flatnonzero(index.filed()[:, 0] == UNFILED).tolist() == [6, 59, 60]

        def found(**options: object) -> list[tuple[int, int | None]]:
            return [(hit.id, hit.distance) for hit in index.search(0, k=6, **options)]

        assert found() == [(7, 0), (17, 0), (21, 0), (36, 0), (45, 0), (60, 0)]
        shelf = [(17, 0), (35, 1), (53, 1), (11, 5), (38, 5), (2, 6)]
        assert found(filter={"shelf": 2}) == shelf
        red = [(7, 0), (17, 0), (21, 0), (60, 0), (53, 1), (34, 2)]
        assert found(task="combined", want="red") == red
        best = index.search(want="red", without="blue", k=5)
        assert [hit.id for hit in best] == [6, 55, 51, 5, 34]
        index.delete([17])
        index.compact()
        assert found(filter={"shelf": 2}) == [*shelf[1:], (8, 6)]
        assert index.verify() == ()
