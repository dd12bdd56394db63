"""A small grid, a catalogue without images, and a laboratory that only pretends to train."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dualhash.analysis.bit_functionality import bit_functionality
from dualhash.catalogue.catalogue import Catalogue, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.codes.linear_head import LinearHead
from dualhash.evaluation.evaluation_result import MetricValue
from reproduction.grid_cell import Cell, Result
from reproduction.grid_plan import GridPlan, plan_for
from reproduction.required_figures import RequiredFigures
from reproduction.retrieval_examples import ResultImage, Retrieval, RetrievalSheet

PLAN: GridPlan = replace(
    plan_for("fashion"), attributes=5, bits=16, category_bits=(8, 16), attribute_bits=(8, 16)
)


def catalogue(images: int = 120, categories: int = 6, attributes: int = 5) -> Catalogue:
    """Random labels; a sixth of the images in each training subset, the rest in test."""
    rng = np.random.default_rng(0)
    subsets = np.arange(images) % 6
    names = tuple(f"{i}.jpg" for i in range(images))
    return Catalogue(
        source="made up",
        images=tuple(Path(name) for name in names),
        references=names,
        names=LabelNames(
            tuple(f"kind {i}" for i in range(categories)),
            tuple(f"colour={i}" for i in range(attributes)),
        ),
        categories=rng.integers(categories, size=images),
        attributes=rng.integers(2, size=(images, attributes)).astype(np.int8),
        observed=np.ones((images, attributes), bool),
        subsets=np.minimum(subsets, 3).astype(np.int8),
        payload=pl.DataFrame({"image": names}),
        columns=Columns(),
    )


def result(cell: Cell, recipe: dict[str, Any] | None = None, **fields: Any) -> Result:
    """A result of a cell; `fields` replace some."""
    return Result(
        **{
            "name": cell.name,
            "method": cell.method,
            "bits": cell.bits,
            "seed": cell.seed,
            "catalogue": "fashion",
            "recipe": recipe or {},
            "seconds": {"training": 10.0, "judging": 2.0},
            "hashes": {"data": "d" * 64},
        }
        | fields
    )


def figure(value: float) -> MetricValue:
    """With an interval of 0.01 to both sides."""
    return MetricValue(value=value, low=value - 0.01, high=value + 0.01)


def extras() -> dict[str, Any]:
    """What figures draw, of every kind."""
    images, rng = catalogue(), np.random.default_rng(0)
    head = LinearHead(
        images.names.attributes, rng.random((5, 16), np.float32), np.zeros(5, np.float32)
    )
    bits = rng.random((len(images), 16)) > 0.5
    labels = (images.categories, images.attributes, images.observed)
    shown = ResultImage(
        image="a.png", category="kind 1", right=True, probabilities=(0.9,), distance=3
    )
    sheet = RetrievalSheet(
        retrievals=(
            Retrieval(
                image="q.png", category="kind 1", wanted={"colour=1": True}, top=(shown,) * 3
            ),
        )
    ).model_dump(mode="json")
    return {
        "histogram": {"counts": [10] + [1] * 48 + [10], "outputs": 68},
        "bits": bit_functionality(bits, *labels, head).model_dump(mode="json"),
        "attribute_sheet": sheet,
        "combined_sheet": sheet,
    }


class Killed(BaseException):
    """The process ends here."""


@dataclass
class FakeLaboratory:
    """Writes a model folder for each cell and notes the order; dies at `dies_at`."""

    needed: Mapping[Cell, tuple[Cell, ...]] = field(default_factory=dict)
    tried: Mapping[Cell, tuple[Cell, ...]] = field(default_factory=dict)
    required: Mapping[Cell, RequiredFigures] = field(default_factory=dict)
    data: str = "d" * 64
    version: int = 1
    versions: Mapping[Cell, int] = field(default_factory=dict)
    dies_at: Cell | None = None
    fails_at: frozenset[Cell] = frozenset()
    performed: list[Cell] = field(default_factory=list)
    resumed: list[Cell] = field(default_factory=list)

    def parts(self, cell: Cell) -> tuple[Cell, ...]:
        return self.needed.get(cell, ())

    def trials(self, cell: Cell) -> tuple[Cell, ...]:
        return self.tried.get(cell, ())

    def requirements(self, cell: Cell) -> RequiredFigures:
        return self.required.get(cell, RequiredFigures())

    def recipe(self, cell: Cell, results: Mapping[str, Result]) -> dict[str, Any] | None:
        if any(trial.name not in results for trial in self.trials(cell)):
            return None
        return {"version": self.versions.get(cell, self.version)}

    def run(
        self, cell: Cell, recipe: dict[str, Any], folder: Path, parts: Mapping[Cell, Path]
    ) -> Result:
        assert all((path / "weights").is_file() for path in parts.values())
        if (folder / "model.training").exists():
            self.resumed.append(cell)
        (folder / "model.training").mkdir(exist_ok=True)
        if cell == self.dies_at:
            raise Killed
        if cell in self.fails_at:
            raise RuntimeError("it does not converge")
        (folder / "model").mkdir(exist_ok=True)
        made = f"{cell.name} {recipe['version']}"
        (folder / "model" / "weights").write_text(made)
        (folder / "model.training").rmdir()
        self.performed.append(cell)
        from_parts = {part.method: (path / "weights").read_text() for part, path in parts.items()}
        return result(
            cell,
            recipe,
            hashes={"data": self.data, "model": made, **from_parts},
            figures={name: figure(0.5) for name in self.requirements(cell).figures},
        )
