"""Trains and evaluates cells on a catalogue. Training needs the extra `train`."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from dualhash.analysis.bit_functionality import attribute_information, bit_functionality
from dualhash.catalogue.catalogue import Catalogue, Subset
from dualhash.codes.model import Model
from dualhash.evaluation.encoded_test_set import select_test_images
from dualhash.evaluation.evaluation_result import Measurements, MetricValue
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.progress import Display
from dualhash.search.request import DEFAULT_ATTRIBUTE_WEIGHT
from reproduction import standard_cells
from reproduction.grid_cell import PRETRAINING, Cell, Result
from reproduction.grid_plan import GridPlan
from reproduction.measure_cell import Outputs, Progress, histogram, measure
from reproduction.method_outputs import TOGETHER, MethodOutputs, run_method, tasks_of
from reproduction.required_figures import RequiredFigures, required_figures
from reproduction.retrieval_examples import EncodedImages, attribute_sheet, combined_sheet
from reproduction.setting_choice import chosen_settings, nested, trials_of
from reproduction.train_cell import train_cell
from reproduction.training_subsets import held_out_categories, take_share

SHEETS = {"attribute_sheet": attribute_sheet, "combined_sheet": combined_sheet}

DIGITS = 6
"""Decimal places of the saved draws."""


class CellRunner:
    """Trains and evaluates the cells of a plan on a catalogue; a `run_grid.Runner`."""

    def __init__(
        self,
        plan: GridPlan,
        catalogue: Catalogue,
        display: Display,
        stages: Callable[[], AbstractContextManager[Progress]],
    ) -> None:
        """Takes the share of the images that the plan defines.

        Args:
            plan: Of this catalogue.
            catalogue: The whole catalogue.
            display: Shows the progress of trainings.
            stages: Shows the progress of an evaluation.
        """
        self.plan = plan
        self.catalogue = take_share(catalogue, plan.share)
        self.data = self.catalogue.label_hash
        self._required = required_figures(plan)
        self._display = display
        self._stages = stages

    def parts(self, cell: Cell) -> tuple[Cell, ...]:
        """See `standard_cells.parts_of`."""
        return standard_cells.parts_of(cell, self.plan)

    def trials(self, cell: Cell) -> tuple[Cell, ...]:
        """See `setting_choice.trials_of`."""
        return trials_of(cell, self.plan)

    def requirements(self, cell: Cell) -> RequiredFigures:
        """What the tables and figures require of a cell."""
        return self._required.get(cell, RequiredFigures())

    def recipe(self, cell: Cell, results: Mapping[str, Result]) -> dict[str, Any] | None:
        """Returns the preset's name and the settings that differ; None while trials are missing."""
        tuned = chosen_settings(cell, self.plan, results)
        if tuned is None:
            return None
        if cell.method in TOGETHER:
            return {}
        plan = self.plan
        own = nested(dict(cell.settings))
        fixed: dict[str, Any] = {"seed": cell.seed, **({"bits": cell.bits} if cell.bits else {})}
        if cell.held_out:
            names = self.catalogue.names.categories
            fixed["without_categories"] = [names[row] for row in self._held_out(cell)]
        backbone = own.pop("backbone", plan.backbone)
        fixed = {"backbone": backbone, **own, **fixed}
        if cell.method == PRETRAINING:
            return {**plan.pretraining, **fixed}
        usual = {**plan.training, **nested(tuned), **(plan.trial if cell.trial else {})}
        recipe = {**usual, **plan.backbones[backbone], **fixed}
        if cell.method == "svm-binary":
            recipe.pop("frozen_stages", None)  # its network is that of its base, and trained
        return recipe

    def run(
        self, cell: Cell, recipe: dict[str, Any], folder: Path, parts: Mapping[Cell, Path]
    ) -> Result:
        """See `run_grid.Runner`."""
        begun = time.monotonic()
        paths = {part.method: path for part, path in parts.items()}
        made = train_cell(
            cell,
            recipe,
            self.catalogue,
            folder / "model",
            parts=paths,
            display=self._display,
        )
        trained = time.monotonic()
        measured, extras = self._evaluate(cell, made.models)
        kept = self.requirements(cell).draws & set(measured.figures)
        return Result(
            name=cell.name,
            method=cell.method,
            bits=cell.bits,
            seed=cell.seed,
            catalogue=self.plan.catalogue,
            recipe=recipe,
            config=made.config,
            figures={
                **{name: MetricValue(value=value) for name, value in made.validation.items()},
                **{name: MetricValue.of(values) for name, values in measured.figures.items()},
            },
            counts=measured.counts,
            seconds={
                "training": round(max(trained - begun, made.seconds), 1),
                "judging": round(time.monotonic() - trained, 1),
            },
            hashes={"data": self.data, **made.hashes},
            versions=made.versions,
            draws={
                name: np.round(measured.figures[name][1:], DIGITS).tolist() for name in sorted(kept)
            },
            extras=extras,
        )

    def _evaluate(
        self, cell: Cell, models: Mapping[str, Model]
    ) -> tuple[Measurements, dict[str, Any]]:
        """Returns figures on test images and data for drawings; empty for a trial or a backbone."""
        if cell.trial or not models:
            return Measurements({}), {}
        test = select_test_images(self.catalogue)
        with self._stages() as progress:
            outputs = _predict(cell, models, test, progress)
            measured = measure(
                outputs.final,
                TrueLabels(test.categories, test.attributes, test.observed),
                resamples=self.plan.resamples,
                answers=tasks_of(cell),
                before=outputs.before if self.requirements(cell).before else None,
                unseen=self._held_out(cell),
                progress=progress,
                **self._further_options(cell, models),
            )
            if outputs.bits:
                measured.figures["bits"] = np.array([float(outputs.bits)])
            return measured, self._extras(cell, models, test, outputs, progress)

    def _further_options(self, cell: Cell, models: Mapping[str, Model]) -> dict[str, Any]:
        """Returns the options of `measure` for tables that explain others."""
        found: dict[str, Any] = {}
        if self.requirements(cell).halves:
            head = models[cell.method].attribute_head
            found["attribute_information"] = attribute_information(head)
        if self.requirements(cell).weighted:
            chosen = models[cell.method].card.calibration.attribute_weight
            found["attribute_weight"] = DEFAULT_ATTRIBUTE_WEIGHT if chosen is None else chosen
        return found

    def _extras(
        self,
        cell: Cell,
        models: Mapping[str, Model],
        test: Catalogue,
        outputs: MethodOutputs,
        progress: Progress,
    ) -> dict[str, Any]:
        wanted = self.requirements(cell).extras
        found: dict[str, Any] = {}
        if "histogram" in wanted and outputs.before is not None:
            found["histogram"] = histogram(np.asarray(outputs.before.codes, np.float32))
        if "bits" in wanted:
            functionality = bit_functionality(
                np.asarray(outputs.final.codes, bool),
                test.categories,
                test.attributes,
                test.observed,
                models[cell.method].attribute_head,
            )
            found["bits"] = functionality.model_dump(mode="json")
        if wanted & SHEETS.keys():
            gallery = self.catalogue.take(
                self.catalogue.rows(Subset.TRAIN_BOTH, Subset.TRAIN_ATTRIBUTE)
            )
            queries = _coded(test, outputs.final)
            database = _coded(gallery, _predict(cell, models, gallery, progress).final)
            for name in sorted(wanted & SHEETS.keys()):
                found[name] = SHEETS[name](queries, database).model_dump(mode="json")
        return found

    def _held_out(self, cell: Cell) -> list[int]:
        """Returns the categories without training images."""
        if not cell.held_out:
            return []
        return [int(row) for row in held_out_categories(self.catalogue, cell.held_out)]


def _predict(
    cell: Cell, models: Mapping[str, Model], images: Catalogue, progress: Progress
) -> MethodOutputs:
    def report(done: int, total: int) -> None:
        progress("encode", done / total)

    return run_method(cell.method, models, images.images, report)


def _coded(catalogue: Catalogue, outputs: Outputs) -> EncodedImages:
    assert outputs.probabilities is not None, "sheets show methods that predict attributes"
    return EncodedImages(catalogue, np.asarray(outputs.codes, bool), outputs.probabilities)
