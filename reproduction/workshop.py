"""Where cells are trained and judged. Training needs the extra `train`."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from dualhash.analysis.bit_functionality import attribute_information, bit_functionality
from dualhash.catalogue.catalogue import TRAIN_ATTRIBUTE, TRAIN_BOTH, Catalogue
from dualhash.codes.model import Model
from dualhash.evaluation.encoded_test_set import select_test_images
from dualhash.evaluation.evaluation_result import Measurements, MetricValue
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.search.ranking.execute import DEFAULT_ATTRIBUTE_WEIGHT
from dualhash.training.progress import Display
from reproduction import cells
from reproduction.answers import TOGETHER, Answers, answers_of, ask
from reproduction.cell import PRETRAINING, Cell, Result
from reproduction.make import make
from reproduction.measure import Progress, Said, histogram, measure
from reproduction.needs import Needs, needs_by_cell
from reproduction.plan import GridPlan
from reproduction.seen import held_out_categories, thinned
from reproduction.sheet import Coded, attribute_sheet, combined_sheet
from reproduction.tuning import chosen, nested, trials_of

SHEETS = {"attribute_sheet": attribute_sheet, "combined_sheet": combined_sheet}

DIGITS = 6
"""Of the draws that are kept."""


class Workshop:
    """A catalogue, and the plan of its experiments; a `run.Laboratory`."""

    def __init__(
        self,
        plan: GridPlan,
        catalogue: Catalogue,
        display: Display,
        stages: Callable[[], AbstractContextManager[Progress]],
    ) -> None:
        """Takes the share of the images that the plan says.

        Args:
            plan: Of this catalogue.
            catalogue: All of it.
            display: Where trainings show their progress.
            stages: Shows the progress of judging a cell.
        """
        self.plan = plan
        self.catalogue = thinned(catalogue, plan.share)
        self.data = self.catalogue.label_hash
        self._needs = needs_by_cell(plan)
        self._display = display
        self._stages = stages

    def parts(self, cell: Cell) -> tuple[Cell, ...]:
        """See `cells.parts_of`."""
        return cells.parts_of(cell, self.plan)

    def trials(self, cell: Cell) -> tuple[Cell, ...]:
        """See `tuning.trials_of`."""
        return trials_of(cell, self.plan)

    def needs(self, cell: Cell) -> Needs:
        """What the tables and figures need of a cell."""
        return self._needs.get(cell, Needs())

    def recipe(self, cell: Cell, results: Mapping[str, Result]) -> dict[str, Any] | None:
        """The preset's name and the settings over it; None while trials are missing."""
        tuned = chosen(cell, self.plan, results)
        if tuned is None:
            return None
        if cell.method in TOGETHER:
            return {}
        plan = self.plan
        said = nested(dict(cell.settings))
        asked: dict[str, Any] = {"seed": cell.seed, **({"bits": cell.bits} if cell.bits else {})}
        if cell.held_out:
            names = self.catalogue.names.categories
            asked["without_categories"] = [names[row] for row in self._held_out(cell)]
        backbone = said.pop("backbone", plan.backbone)
        asked = {"backbone": backbone, **said, **asked}
        if cell.method == PRETRAINING:
            return {**plan.pretraining, **asked}
        usual = {**plan.training, **nested(tuned), **(plan.trial if cell.trial else {})}
        recipe = {**usual, **plan.backbones[backbone], **asked}
        if cell.method == "svm-binary":
            recipe.pop("frozen_stages", None)  # its network is that of its base, and trained
        return recipe

    def perform(
        self, cell: Cell, recipe: dict[str, Any], folder: Path, parts: Mapping[Cell, Path]
    ) -> Result:
        """See `run.Laboratory`."""
        begun = time.monotonic()
        paths = {part.method: path for part, path in parts.items()}
        made = make(
            cell,
            recipe,
            self.catalogue,
            folder / "model",
            parts=paths,
            display=self._display,
        )
        trained = time.monotonic()
        measured, extras = self._judge(cell, made.models)
        kept = self.needs(cell).draws & set(measured.figures)
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

    def _judge(
        self, cell: Cell, models: Mapping[str, Model]
    ) -> tuple[Measurements, dict[str, Any]]:
        """Figures on test images, and what else is drawn; nothing of a trial or a backbone."""
        if cell.trial or not models:
            return Measurements({}), {}
        test = select_test_images(self.catalogue)
        with self._stages() as progress:
            answers = _ask(cell, models, test, progress)
            measured = measure(
                answers.said,
                TrueLabels(test.categories, test.attributes, test.observed),
                resamples=self.plan.resamples,
                answers=answers_of(cell),
                before=answers.before if self.needs(cell).before else None,
                unseen=self._held_out(cell),
                progress=progress,
                **self._explained(cell, models),
            )
            if answers.bits:
                measured.figures["bits"] = np.array([float(answers.bits)])
            return measured, self._extras(cell, models, test, answers, progress)

    def _explained(self, cell: Cell, models: Mapping[str, Model]) -> dict[str, Any]:
        """What is measured besides for tables that explain others."""
        found: dict[str, Any] = {}
        if self.needs(cell).halves:
            head = models[cell.method].attribute_head
            found["attribute_information"] = attribute_information(head)
        if self.needs(cell).weighted:
            found["attribute_weight"] = models[cell.method].card.calibration.get(
                "attribute_weight", DEFAULT_ATTRIBUTE_WEIGHT
            )
        return found

    def _extras(
        self,
        cell: Cell,
        models: Mapping[str, Model],
        test: Catalogue,
        answers: Answers,
        progress: Progress,
    ) -> dict[str, Any]:
        wanted = self.needs(cell).extras
        found: dict[str, Any] = {}
        if "histogram" in wanted and answers.before is not None:
            found["histogram"] = histogram(np.asarray(answers.before.codes, np.float32))
        if "bits" in wanted:
            functionality = bit_functionality(
                np.asarray(answers.said.codes, bool),
                test.categories,
                test.attributes,
                test.observed,
                models[cell.method].attribute_head,
            )
            found["bits"] = functionality.model_dump(mode="json")
        if wanted & SHEETS.keys():
            shelf = self.catalogue.take(self.catalogue.rows(TRAIN_BOTH, TRAIN_ATTRIBUTE))
            queries = _coded(test, answers.said)
            database = _coded(shelf, _ask(cell, models, shelf, progress).said)
            for name in sorted(wanted & SHEETS.keys()):
                found[name] = SHEETS[name](queries, database).model_dump(mode="json")
        return found

    def _held_out(self, cell: Cell) -> list[int]:
        """Categories that no training image is of."""
        if not cell.held_out:
            return []
        return [int(row) for row in held_out_categories(self.catalogue, cell.held_out)]


def _ask(cell: Cell, models: Mapping[str, Model], images: Catalogue, progress: Progress) -> Answers:
    def report(done: int, total: int) -> None:
        progress("encode", done / total)

    return ask(cell.method, models, images.images, report)


def _coded(catalogue: Catalogue, said: Said) -> Coded:
    assert said.probabilities is not None, "sheets are of methods that tell attributes"
    return Coded(catalogue, np.asarray(said.codes, bool), said.probabilities)
