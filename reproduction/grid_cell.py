"""A cell of the experiment grid, which is one training or fit, and its result."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from dualhash.evaluation.evaluation_result import MetricValue

PRETRAINING = "pretraining"
"""The method of cells that train a backbone, from which the others start."""

Setting = tuple[str, Any]


@dataclass(frozen=True)
class Cell:
    """A complete description of a training. Equal cells are trained once, for all their tables.

    Attributes:
        method: "dph", a name of `dualhash.baselines` or of `method_outputs.TOGETHER`, or
            `PRETRAINING`.
        bits: Length of the code; 0 for methods without codes.
        seen: The training subsets that are used, a name of `TRAINING_SUBSETS`. Each method sees
            those of their images that have the labels it learns from.
        settings: Training settings that differ from the catalogue's, by name, sorted.
        seed: The seed of everything random.
        held_out: Number of categories without training images.
        trial: True to evaluate on validation images, to choose a setting; False to evaluate on test
            images.
    """

    method: str
    bits: int = 0
    seen: str = "B+A+C"
    settings: tuple[Setting, ...] = ()
    seed: int = 0
    held_out: int = 0
    trial: bool = False

    @property
    def name(self) -> str:
        """A unique name, also the name of the result file."""
        parts = [self.method]
        parts += [str(self.bits)] if self.bits else []
        parts += [self.seen.lower().replace("+", "-")] if self.seen != "B+A+C" else []
        parts += [f"{name.replace('_', '-')}-{value}" for name, value in self.settings]
        parts += [f"without-{self.held_out}"] if self.held_out else []
        parts += ["trial"] if self.trial else []
        return "-".join([*parts, f"s{self.seed}"])


class Result(BaseModel):
    """A finished cell, saved as one JSON file.

    Attributes:
        name: `Cell.name`.
        method: Of the cell.
        bits: Of the cell.
        seed: Of the cell.
        catalogue: Name of the data set.
        recipe: The settings that the grid requested; if they change, the result is outdated.
        config: All settings, as saved in the model.
        figures: By name, with 95 % bootstrap intervals over queries.
        counts: Images, queries and selections that took part or were left out.
        seconds: Duration of the `training` and of the evaluation (`judging`).
        hashes: Of the `data`, of the `model`, and of the models it was made from, by their methods.
        versions: Of the libraries.
        draws: For figures that claims compare, the value in each bootstrap draw of the queries. A
            draw has the same queries in every cell.
        extras: Data for single figures of the paper, such as a histogram, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    method: str
    bits: int
    seed: int
    catalogue: str
    recipe: dict[str, Any]
    config: dict[str, Any] = {}
    figures: dict[str, MetricValue] = {}
    counts: dict[str, int] = {}
    seconds: dict[str, float] = {}
    hashes: dict[str, str] = {}
    versions: dict[str, str] = {}
    draws: dict[str, list[float]] = {}
    extras: dict[str, Any] = {}
