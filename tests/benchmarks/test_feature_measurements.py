"""The measurements on tiny made-up data: that they run, and what they report."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.child_process import run_dualhash
from benchmarks.features import embeddings
from benchmarks.features.extraction import measure_extraction
from benchmarks.features.training import FIGURES, Training, iterations_in, small_copies
from dualhash.catalogue.catalogue import SUBSETS
from tests.training.tiny_training import make_catalogue


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the data set fashion, with tiny pictures."""
    folder = tmp_path_factory.mktemp("products")
    made = make_catalogue(folder / "images")
    pl.DataFrame(
        {
            "image": [f"images/{name}" for name in made.references],
            "articleType": [f"c{category}" for category in made.categories],
            "baseColour": np.where(made.attributes[:, 0], "White", "Black"),
            "gender": np.where(made.attributes[:, 1], "Women", "Men"),
            "season": np.where(made.attributes[:, 0], "Summer", "Winter"),
            "usage": np.where(made.attributes[:, 1], "Sports", "Casual"),
            "subset": [SUBSETS[subset] for subset in made.subsets],
        }
    ).write_csv(folder / "products.csv")
    return folder


def test_extraction_reports_speeds_their_ratio_and_differences(products: Path, tmp_path: Path):
    images = sorted((products / "images").iterdir())
    measured = measure_extraction(images, (16, 12), tmp_path, repeats=1)
    speeds = measured["images_per_second"]
    assert measured["images"] == len(images)
    assert measured["ratio"] == pytest.approx(speeds["onnxruntime"] / speeds["PyTorch"], rel=0.05)
    assert measured["largest_relative_difference"] < 0.005
    assert [path.suffix for path in tmp_path.iterdir()] == [".onnx"]


def test_the_second_seed_learns_from_the_features_of_the_first(products: Path, tmp_path: Path):
    options = ("--iterations", "2", "--validation-every", "2")
    training = Training("tiny", products / "products.csv", tmp_path, 5, options)
    first, second = training.learn(0, cold=True), training.learn(1, cold=False)
    assert "seconds_cold" in first
    assert "seconds_kept" in second
    assert first["test_images"] == 6
    assert all(0 <= each[name] <= 1 for each in (first, second) for name in FIGURES)
    card = json.loads((tmp_path / "tiny-seed-1" / "model.json").read_text())
    assert (card["config"]["bits"], card["config"]["seed"]) == (256, 1)


def test_iterations_of_an_hour_leave_time_for_validations():
    speed = iterations_in(3600, {4: 14.0, 16: 38.0})
    assert speed["seconds_per_iteration"] == 2
    assert speed["seconds_per_validation"] == 6
    assert speed["iterations_in_an_hour"] == (3600 - 8 * 6) // 2


def test_a_longer_training_that_was_faster_is_refused():
    with pytest.raises(ValueError, match="measure again"):
        iterations_in(3600, {4: 14.0, 16: 13.0})


def test_small_copies_combine_labels_of_photos_with_small_files(products: Path, tmp_path: Path):
    table = small_copies(products, tmp_path / "small", tmp_path / "small.csv")
    photos, small = (
        pl.read_csv(file, infer_schema=False) for file in (products / "products.csv", table)
    )
    assert small.drop("image").equals(photos.drop("image"))
    assert small["image"][0] == str(tmp_path / "small" / photos["image"][0])


@pytest.mark.parametrize("kind", embeddings.KINDS)
def test_embeddings_are_deterministic_and_cluster_by_category(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embeddings, "BLOCK", 100)
    monkeypatch.setattr(embeddings, "LABELLED", 200)
    monkeypatch.setattr(embeddings, "CATEGORIES", 5)
    for name in ("one", "two"):
        embeddings.make_embeddings(tmp_path / f"{name}.npy", tmp_path / f"{name}.csv", kind, 250)
    vectors = np.load(tmp_path / "one.npy")
    assert (vectors.shape, vectors.dtype) == ((250, embeddings.LENGTH), np.dtype(kind))
    np.testing.assert_array_equal(vectors, np.load(tmp_path / "two.npy"))
    table = pl.read_csv(tmp_path / "one.csv", infer_schema=False)
    assert table["subset"].to_list() == ["train-both"] * 200 + [None] * 50
    rows = vectors.astype(np.float32)
    distances = ((rows[:, None] - rows[None, :20]) ** 2).sum(axis=2)
    same = table["category"].to_numpy()[:, None] == table["category"].to_numpy()[None, :20]
    assert distances[same & (distances > 0)].mean() < distances[~same].mean()


def test_a_command_that_fails_stops_the_benchmark():
    with pytest.raises(SystemExit, match=r"`dualhash search none.dhx` ended with status 2"):
        run_dualhash(["search", "none.dhx"])


def test_time_and_memory_of_a_command_are_measured():
    ran = run_dualhash(["--version"])
    assert ran.seconds > 0
    assert ran.peak_megabytes is None or 10 < ran.peak_megabytes < 2000
