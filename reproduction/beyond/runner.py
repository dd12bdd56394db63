"""Trains and evaluates the cells beyond the paper. Training needs the extra `train`."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.array_cache import cache_folder
from dualhash.catalogue.catalogue import Catalogue, Subset
from dualhash.catalogue.check_labels import TRAINING
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.evaluation.bootstrap import query_weights
from dualhash.evaluation.encoded_test_set import select_test_images
from dualhash.evaluation.evaluate import CodeKind, evaluate
from dualhash.evaluation.evaluation_result import Measurements, MetricValue
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.features.feature_array import extract_features
from dualhash.progress import Display
from dualhash.training.data.prepare_data import prepare_data
from dualhash.training.data.training_data import TrainingData
from dualhash.training.data.training_labels import take
from dualhash.training.presets import preset_config
from reproduction.beyond import near_duplicates, plans
from reproduction.beyond.exhibits import DIAGRAMS, RELIABILITY, SECONDS, exhibits
from reproduction.beyond.float_features import (
    attribute_loss,
    best,
    category_loss,
    fit_attributes,
    fit_categories,
    normalised,
)
from reproduction.beyond.specialist_readings import Readings, measure_readings, read_together
from reproduction.beyond.targets import compared_figures
from reproduction.cell_runner import CellRunner
from reproduction.grid_cell import Cell, Result
from reproduction.grid_plan import GridPlan
from reproduction.measure_cell import Progress, unseen_figures
from reproduction.method_outputs import ATTRIBUTE_MODEL, encoded_outputs
from reproduction.required_figures import requirements_of
from reproduction.setting_choice import chosen_settings, nested
from reproduction.table_definition import REAL


class BeyondRunner(CellRunner):
    """Trains and evaluates the cells of a plan of `plans.PLANS`; a `run_grid.Runner`."""

    def __init__(
        self,
        plan: GridPlan,
        catalogue: Catalogue,
        display: Display,
        stages: Callable[[], AbstractContextManager[Progress]],
        tuned: Callable[[], Mapping[str, Result]],
    ) -> None:
        """Checks the number of attributes.

        Args:
            plan: Of this catalogue.
            catalogue: The whole catalogue.
            display: Shows the progress of trainings.
            stages: Shows the progress of an evaluation.
            tuned: Returns the results of `plans.TUNED_ON`, for another catalogue.

        Raises:
            DualhashError: The catalogue has another number of attributes than the plan.
        """
        super().__init__(plan, catalogue, display, stages)
        found = len(catalogue.names.attributes)
        if found != plan.attributes:
            raise DualhashError(
                f"{catalogue.source} has {found} attributes, but the plan of {plan.catalogue} is "
                f"for {plan.attributes}: give the folder of the same data set."
            )
        self._tuned = tuned
        self._required = requirements_of(exhibits(plan).values(), compared_figures(plan))

    def parts(self, cell: Cell) -> tuple[Cell, ...]:
        """See `plans.parts_of`."""
        return plans.parts_of(cell, self.plan)

    def recipe(self, cell: Cell, results: Mapping[str, Result]) -> dict[str, Any] | None:
        """Returns all settings, those of the preset included; None while trials are missing.

        So a cell is trained again if its preset changes.
        """
        if cell.method in plans.UNTRAINED:
            return {}
        if self.plan is not plans.TUNED_ON:
            results = self._tuned()
        tuned = chosen_settings(cell, plans.TUNED_ON, results)
        if tuned is None:
            return None
        settings: dict[str, Any] = {
            "method": "dph" if cell.method in plans.RECIPES else cell.method,
            "seed": cell.seed,
            **({"bits": cell.bits} if cell.bits else {}),
            **plans.RECIPES.get(cell.method, self.plan.training),
            **nested(tuned),
            **nested(dict(cell.settings)),
        }
        if cell.held_out:
            names = self.catalogue.names.categories
            settings["without_categories"] = tuple(names[row] for row in self._held_out(cell))
        return preset_config(**settings).model_dump(mode="json")

    def run(
        self, cell: Cell, recipe: dict[str, Any], folder: Path, parts: Mapping[Cell, Path]
    ) -> Result:
        """See `run_grid.Runner`. What is required but not defined has no value."""
        result = super().run(cell, recipe, folder, parts)
        missing = MetricValue(value=None)
        required = self.requirements(cell)
        seconds = {SECONDS: MetricValue(value=result.seconds["training"])}
        bits = {"bits": MetricValue(value=cell.bits)} if cell.bits else {}
        return result.model_copy(
            update={
                "config": {},  # the recipe has all settings
                "figures": {
                    **dict.fromkeys(sorted(required.figures), missing),
                    **({} if cell.method in plans.UNTRAINED else seconds),
                    **bits,
                    **result.figures,
                },
                "extras": dict.fromkeys(sorted(required.extras)) | result.extras,
                "draws": {**{name: [] for name in sorted(required.draws)}, **result.draws},
            }
        )

    def _evaluate(
        self, cell: Cell, models: Mapping[str, Model]
    ) -> tuple[Measurements, dict[str, Any]]:
        if cell.trial:
            return Measurements({}), {}
        with self._stages() as progress:
            measured, extras = self._measure(cell, models, progress)
        defined = {name: each for name, each in measured.figures.items() if not np.isnan(each[0])}
        return Measurements(defined, measured.counts), extras

    def _measure(
        self, cell: Cell, models: Mapping[str, Model], progress: Progress
    ) -> tuple[Measurements, dict[str, Any]]:
        if cell.method == plans.NEAR_DUPLICATES:
            return self._near_duplicates(progress), {}
        if cell.method == plans.FLOAT_FEATURES:
            return self._float_features(progress), {}
        if cell.method in plans.TOGETHER:
            return self._together(cell, models, progress), {}
        if cell.held_out:
            return self._unseen(cell, models[cell.method], progress), {}
        return self._alone(cell, models[cell.method], progress)

    def _alone(
        self, cell: Cell, model: Model, progress: Progress
    ) -> tuple[Measurements, dict[str, Any]]:
        """Returns every figure of `evaluate`, and reliability diagrams if a picture shows them."""
        kinds: dict[str, CodeKind] = {"": "binary"}
        if cell.method == ATTRIBUTE_MODEL:
            kinds[REAL] = "real"
        found = {}
        for prefix, codes in kinds.items():
            evaluation = evaluate(
                model,
                self.catalogue,
                codes=codes,
                bootstrap=self.plan.resamples,
                progress=progress,
            )
            found.update({prefix + name: draws for name, draws in evaluation.draws.items()})
        figures = {name: np.array(draws) for name, draws in found.items()}
        extras = {}
        diagrams = evaluation.model_dump(mode="json").get(RELIABILITY)
        if diagrams and RELIABILITY in self.requirements(cell).extras:
            extras[RELIABILITY] = {name: diagrams[name] for name in DIAGRAMS}
        return Measurements(figures, evaluation.counts), extras

    def _unseen(self, cell: Cell, model: Model, progress: Progress) -> Measurements:
        """Measures queries of held-out categories by the ranking bits, and by all bits."""
        bits = quantise(self._encoded(model, self._test, progress))
        weights = query_weights(len(bits), self.plan.resamples, np.random.default_rng(0))
        found = {}
        for prefix, count in (("", model.card.ranking_bits), ("all_bits_", None)):
            measured = unseen_figures(
                bits[:, :count], self._test.categories, self._held_out(cell), weights
            )
            found.update({prefix + name: draws for name, draws in measured.figures.items()})
        return Measurements(found, measured.counts)

    def _together(
        self, cell: Cell, models: Mapping[str, Model], progress: Progress
    ) -> Measurements:
        data = self._training_data
        held_back = [data.files[row] for row in data.validation]
        return measure_readings(
            read_together(cell.method, models, self._test.images, progress),
            _labels(self._test),
            read_together(cell.method, models, held_back, progress),
            take(data.labels, data.validation),
            resamples=self.plan.resamples,
            progress=progress,
        )

    def _float_features(self, progress: Progress) -> Measurements:
        begun = time.monotonic()
        data, count = self._training_data, len(self.catalogue.names.categories)
        training = normalised(self._features(data.training))
        validation = normalised(self._features(data.validation))
        seen, known = take(data.labels, data.training), take(data.labels, data.validation)
        attributes = best(
            lambda penalty: fit_attributes(training, seen, penalty),
            lambda made: attribute_loss(made.scores(validation), known),
        )
        categories = best(
            lambda penalty: fit_categories(training, seen, count, penalty),
            lambda made: category_loss(made.scores(validation), known),
        )
        seconds = round(time.monotonic() - begun, 1)

        def read(features: NDArray[np.float32]) -> Readings:
            scores = attributes.scores(features)
            equal = np.zeros((len(features), 1), np.bool_)
            return Readings(
                features, (scores > 0).astype(float), equal, categories.scores(features), scores
            )

        measured = measure_readings(
            read(normalised(self._test_features(progress))),
            _labels(self._test),
            read(validation),
            known,
            resamples=self.plan.resamples,
            progress=progress,
        )
        stored = 32.0 * (training.shape[1] + self.plan.attributes)
        measured.figures.update({SECONDS: np.array([seconds]), "bits": np.array([stored])})
        return measured

    def _near_duplicates(self, progress: Progress) -> Measurements:
        training, test = self.catalogue.rows(*TRAINING), self.catalogue.rows(Subset.TEST)
        features = [self._features(np.arange(len(training))), self._test_features(progress)]
        neighbours, distances = near_duplicates.nearest(
            normalised(np.concatenate(features)), lambda share: progress("neighbours", share)
        )
        both = self.catalogue.take(np.concatenate([training, test]))
        return near_duplicates.label_noise(both, neighbours, distances)

    @cached_property
    def _test(self) -> Catalogue:
        return select_test_images(self.catalogue)

    @cached_property
    def _training_data(self) -> TrainingData:
        """The training images as the preset sees them, with their kept features."""
        return prepare_data(self.catalogue, preset_config(plans.FEATURES), self._display)

    def _features(self, rows: NDArray[np.int64]) -> NDArray[np.float16]:
        kept = self._training_data.features
        assert kept is not None
        return kept.take(rows).numpy()

    def _test_features(self, progress: Progress) -> NDArray[np.float16]:
        kept = self._training_data.features
        assert kept is not None
        assert kept.extractor is not None
        found = extract_features(
            kept.extractor,
            self._test.images,
            cache_folder(),
            lambda done, total: progress("features", done / total),
        )
        if found.failed:
            raise DualhashError(f"A test image cannot be read: {next(iter(found.failed.values()))}")
        return np.asarray(found.values)

    @staticmethod
    def _encoded(model: Model, images: Catalogue, progress: Progress) -> NDArray[np.float32]:
        return encoded_outputs(
            model, images.images, lambda done, total: progress("encode", done / total)
        )


def _labels(catalogue: Catalogue) -> TrueLabels:
    return TrueLabels(catalogue.categories, catalogue.attributes, catalogue.observed)
