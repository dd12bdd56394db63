"""Training a code head on vectors of the user, and what such a model does."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dualhash.baselines import find_method
from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate import evaluate
from dualhash.features.registry import open_extractor
from dualhash.search import Index, add_images, build_index
from dualhash.training.config import TrainConfig
from dualhash.training.train import train
from tests import vector_table
from tests.training.test_training_on_features import HEAD
from tests.training.tiny_training import QUIET, StopAt, make_config
from tests.vector_table import COLUMNS, LENGTH, ROWS, vectors

SETTINGS = HEAD | {"features": "efficientnet-lite0", "iterations": 20, "validation_every": 10}


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUALHASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vector_table.write_parquet(tmp_path_factory.mktemp("table") / "products.parquet")


@pytest.fixture(scope="module")
def catalogue(table: Path) -> Catalogue:
    return Catalogue.read(table, COLUMNS)


@pytest.fixture(scope="module")
def model(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Model:
    out = tmp_path_factory.mktemp("out") / "model"
    return train(catalogue, make_config(**SETTINGS), out, display=QUIET)


def test_the_model_takes_vectors(model: Model):
    assert model.card.vector_length == LENGTH
    assert model.card.preprocessing is None
    assert model.card.backbone == "vectors"
    assert model.card.training["encoder"]["equal_bits"] == 1.0
    encoded = model.encode_vectors(vectors())
    assert encoded.reals.shape == (ROWS, 16)
    assert len(encoded.codes) == ROWS


@pytest.mark.parametrize("name", ["cnn-attribute", "multiple-model", "itq"])
def test_comparison_methods_learn_from_vectors(name: str, catalogue: Catalogue, tmp_path: Path):
    model = train(
        catalogue,
        make_config(**SETTINGS),
        tmp_path / "model",
        method=find_method(name),
        display=QUIET,
    )
    assert model.card.vector_length == LENGTH
    assert len(model.encode_vectors(vectors()).codes) == ROWS


def test_the_width_of_floats_makes_no_difference(model: Model):
    narrow = vectors().astype(np.float16)
    np.testing.assert_array_equal(
        model.encode_vectors(narrow).reals, model.encode_vectors(narrow.astype(np.float32)).reals
    )


@pytest.mark.parametrize("kind", [pl.Array(pl.Float32, LENGTH), "npy", "array"])
def test_every_source_of_the_same_vectors_gives_the_same_model(
    model: Model, kind: object, tmp_path: Path
):
    if isinstance(kind, pl.DataType):
        path = vector_table.write_parquet(tmp_path / "products.parquet", kind)
        again = Catalogue.read(path, COLUMNS)
    else:
        path = vector_table.write_csv(tmp_path / "products.csv")
        columns = COLUMNS.model_copy(update={"features": None})
        features = tmp_path / "vectors.npy" if kind == "npy" else vectors()
        again = Catalogue.read(path, columns, features=features)
    other = train(again, make_config(**SETTINGS), tmp_path / "model", display=QUIET)
    np.testing.assert_array_equal(
        other.encode_vectors(vectors()).codes, model.encode_vectors(vectors()).codes
    )


def test_images_are_refused_and_vectors_by_a_model_of_images(model: Model, tmp_path: Path):
    with pytest.raises(DualhashError, match="takes vectors of 16 values, not images"):
        model.encode([tmp_path / "photo.jpg"])
    with pytest.raises(DualhashError, match="takes vectors, so it gives no features of images"):
        open_extractor(str(model.folder), (8, 8), tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (vectors()[:, :5], r"row 1: the vector has 5 values, not 16"),
        (vectors().astype(np.float64), "row 1: the vector is float64, not float16 or float32"),
        (vectors().astype(np.int32), "row 1: the vector is int32"),
        (np.where(np.arange(ROWS)[:, None] == 7, np.float32(np.nan), vectors()), "row 8: .* NaN"),
    ],
)
def test_vectors_that_do_not_fit_are_refused_by_row(model: Model, wrong: object, message: str):
    with pytest.raises(DualhashError, match=message):
        model.encode_vectors(wrong)


def test_settings_that_train_a_backbone_are_refused(catalogue: Catalogue, tmp_path: Path):
    with pytest.raises(DualhashError, match="has vectors, which take the place of a backbone"):
        train(catalogue, make_config(), tmp_path / "model", display=QUIET)


def test_settings_for_vectors_need_vectors(model: Model, tiny: Catalogue, tmp_path: Path):
    config = TrainConfig(**model.card.config)
    with pytest.raises(DualhashError, match="settings are for vectors, but tiny has none"):
        train(tiny, config, tmp_path / "model", display=QUIET)


def test_a_training_resumes_only_with_the_same_vectors(catalogue: Catalogue, tmp_path: Path):
    out, config = tmp_path / "model", make_config(**SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        train(catalogue, config, out, display=StopAt("writing", KeyboardInterrupt()))
    other = catalogue.with_features(vectors() + np.float32(1))
    with pytest.raises(DualhashError, match="used other vectors"):
        train(other, config, out, resume=True, display=QUIET)
    finished = train(catalogue, config, out, resume=True, display=QUIET)
    assert train(catalogue, config, out, resume=True, display=QUIET).hash == finished.hash
    with pytest.raises(DualhashError, match="of another training"):
        train(other, config, out, resume=True, display=QUIET)


def test_an_index_of_vectors(model: Model, catalogue: Catalogue, tmp_path: Path):
    report = build_index(model, catalogue, tmp_path / "products.dhx")
    assert report.count == ROWS
    with Index.open(tmp_path / "products.dhx") as index:
        stored = index.item(7)
        assert Path(stored.image).name == "products.parquet#8"
        assert stored.payload["sku"] == "p7"
        assert "embedding" not in stored.payload
        query = vectors()[7]
        results = index.search(query, k=3)
        assert results.query is not None
        assert results.query.image is None
        assert results.hits[0].distance == 0
        np.save(tmp_path / "query.npy", query[None])
        for same in (query, tmp_path / "query.npy", str(tmp_path / "query.npy")):
            found = index.search(same, k=3)
            assert [hit.id for hit in found.hits] == [hit.id for hit in results.hits]
        wide, short, fine = index.search_batch(
            [query.astype(np.float64), query[:3], query.astype(np.float16)]
        )
        assert "float64, not float16 or float32" in wide.reason
        assert "The vector has 3 values, not 16" in short.reason
        assert fine.hits
        with pytest.raises(DualhashError, match="takes vectors of 16 values, not images"):
            index.search("photo.jpg")
        np.save(tmp_path / "many.npy", vectors())
        with pytest.raises(DualhashError, match=r"array of shape \(60, 16\); a query is one"):
            index.search(tmp_path / "many.npy")


def test_vectors_are_added_once(model: Model, catalogue: Catalogue, tmp_path: Path):
    with Index.create(tmp_path / "products.dhx", model) as index:
        first = add_images(index, catalogue.take(np.arange(20)))
        assert first.count == 20
        second = add_images(index, catalogue)
        assert (second.count, second.unchanged) == (40, 20)
        assert add_images(index, catalogue, update=True).updated == ROWS
        ids = index.add(features=vectors()[:2], payloads=[{"sku": "x"}, {"sku": "y"}])
        assert [index.item(int(item)).image for item in ids] == ["", ""]
        for both in ({}, {"codes": np.zeros((2, 2), np.uint8), "features": vectors()[:2]}):
            with pytest.raises(DualhashError, match="Give either codes or features"):
                index.add(**both)
        assert index.verify() == ()


def test_ten_views_of_a_vector_are_refused(model: Model, catalogue: Catalogue, tmp_path: Path):
    with pytest.raises(DualhashError, match="a vector has one view"):
        build_index(model, catalogue, tmp_path / "products.dhx", views=10)
    with pytest.raises(DualhashError, match="a vector has one view"):
        evaluate(model, catalogue, views=10, bootstrap=0)


def test_vectors_are_evaluated(model: Model, catalogue: Catalogue):
    evaluation = evaluate(model, catalogue, bootstrap=0)
    assert evaluation.counts["images"] == 12
    value = evaluation.figures["category_map"].value
    assert value is not None
    assert 0 <= value <= 1
