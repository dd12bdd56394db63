"""Trains as the command line does, and evaluates on test images: quality, time and memory."""

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.child_process import run_dualhash
from benchmarks.features.steps import Figures
from dualhash.catalogue.datasets.fashion import COLUMNS

BITS = 256
HOUR = 3600.0
ROUNDS = 8
"""Validations, and so checkpoints, of the hour of training."""

TRIALS = (4, 16)
"""Iterations of the two trainings that are timed: their difference is free of start and end."""

END_TO_END = Path(__file__).with_name("end_to_end.toml")

FIGURES = (
    "category_map",
    "attribute_map",
    "avg_hm",
    "combined_recall_at_5",
    "combined_capped_recall_at_5",
)


@dataclass(frozen=True)
class Training:
    """Trainings that differ in their seeds.

    Attributes:
        name: Begins the names of its steps and of its files.
        table: The catalogue, with the columns of the data set fashion.
        work: Folder for models and kept features.
        min_positives: Images that a facet value needs to be an attribute.
        options: Further options of `dualhash train`.
    """

    name: str
    table: Path
    work: Path
    min_positives: int
    options: tuple[str, ...] = ()

    def learn(self, seed: int, *, cold: bool) -> Figures:
        """Features and head: seconds and figures on test images.

        Args:
            seed: Of the training.
            cold: Remove kept features first. Otherwise those of an earlier training are used.
        """
        cache = self.work / f"{self.name}-cache"
        if cold:
            shutil.rmtree(cache, ignore_errors=True)
        kept = any(not each.stem.endswith(".unfinished") for each in cache.glob("*.npy"))
        model = self.work / f"{self.name}-seed-{seed}"
        ran = run_dualhash(
            [*self._command(model, seed), "--replace"], {"DUALHASH_CACHE": str(cache)}
        )
        return {
            f"seconds_{'kept' if kept else 'cold'}": round(ran.seconds, 1),
            "peak_mb": ran.peak_megabytes,
            **self._evaluate(model),
        }

    def time_iterations(self) -> Figures:
        """Seconds of an iteration and of a validation, and how many iterations an hour gives."""
        seconds = {}
        for iterations in TRIALS:
            model = self.work / f"{self.name}-speed-{iterations}"
            length = ["--iterations", str(iterations), "--validation-every", str(iterations)]
            run_dualhash([*self._command(model, 0), *length, "--replace"], self._cache)
            seconds[iterations] = training_report(model)["seconds"]
        return iterations_in(HOUR, seconds)

    def train_for_an_hour(self, seed: int, speed: Figures) -> Figures:
        """Trains as many iterations as `time_iterations` found; resumes a stopped training."""
        model = self.work / f"{self.name}-seed-{seed}"
        iterations = speed["iterations_in_an_hour"]
        every = str(math.ceil(iterations / ROUNDS))
        length = ["--iterations", str(iterations), "--validation-every", every]
        run_dualhash([*self._command(model, seed), *length, "--resume"], self._cache)
        return {"iterations": iterations, **self._evaluate(model)}

    @property
    def _cache(self) -> dict[str, str]:
        return {"DUALHASH_CACHE": str(self.work / f"{self.name}-cache")}

    def _command(self, model: Path, seed: int) -> list[str]:
        return [
            "train",
            str(self.table),
            *column_options(self.min_positives),
            *("--bits", str(BITS)),
            *self.options,
            *("--seed", str(seed)),
            *("--out", str(model)),
        ]

    def _evaluate(self, model: Path) -> Figures:
        file = self.work / f"{model.name}-evaluation.json"
        ran = run_dualhash(["evaluate", str(model), str(self.table), "--out", str(file)])
        evaluation = json.loads(file.read_text(encoding="utf-8"))
        figures = {name: evaluation["figures"][name] for name in FIGURES}
        report = training_report(model)
        return {
            **{name: round(each["value"], 4) for name, each in figures.items()},
            "intervals": {
                name: [round(each["low"], 4), round(each["high"], 4)]
                for name, each in figures.items()
            },
            "learning_seconds": report["seconds"],
            "evaluation_seconds": round(ran.seconds, 1),
            "images": report["images"],
            "validation": {name: report["best"][name] for name in ("category_map", "avg_hm")},
            "test_images": evaluation["counts"]["images"],
            "attributes": evaluation["counts"]["hm_attributes"],
        }


def column_options(min_positives: int) -> list[str]:
    """The options for the columns of the data set fashion."""
    return [
        *("--image-column", "image"),
        *("--category-column", str(COLUMNS.category)),
        *("--facet-columns", ",".join(COLUMNS.facets)),
        *("--subset-column", str(COLUMNS.subset)),
        *("--min-positives", str(min_positives)),
    ]


def training_report(model: Path) -> Figures:
    """What a model's card says of its training: seconds, images, validation figures."""
    report: Figures = json.loads((model / "model.json").read_text(encoding="utf-8"))["training"]
    return report


def iterations_in(length: float, seconds: Mapping[int, float]) -> Figures:
    """The iterations that fit into a length of time with `ROUNDS` validations.

    Args:
        length: In seconds.
        seconds: Of two trainings with one validation each, by their number of iterations.

    Raises:
        ValueError: The longer training was not slower, so nothing can be computed.
    """
    (few, short), (many, long) = sorted(seconds.items())
    iteration = (long - short) / (many - few)
    if iteration <= 0:
        raise ValueError("The longer of two trainings was not slower; measure again when quiet.")
    validation = max(0.0, short - few * iteration)
    return {
        "seconds_per_iteration": round(iteration, 4),
        "seconds_per_validation": round(validation, 2),
        "iterations_in_an_hour": int((length - ROUNDS * validation) / iteration),
    }


def small_copies(photos: Path, fashion: Path, to: Path) -> Path:
    """Writes a table of the photos' products with the smaller files of the data set fashion.

    Args:
        photos: The folder fashion-photos.
        fashion: The folder fashion, with the same file names.
        to: The table to write.
    """
    table = pl.read_csv(photos / "products.csv", infer_schema=False)
    prefix = str(fashion.absolute())
    to.parent.mkdir(parents=True, exist_ok=True)
    table.with_columns(pl.format("{}/{}", pl.lit(prefix), "image").alias("image")).write_csv(to)
    return to


def first_images(folder: Path, count: int) -> Sequence[Path]:
    """The first `count` image files of a data set, in the order of its table."""
    names = pl.read_csv(folder / "products.csv", infer_schema=False)["image"][:count]
    return [folder / name for name in names]
