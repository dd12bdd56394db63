"""One training or fit of the grid, and what came out of it."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from dualhash.evaluation.evaluation_result import MetricValue

PRETRAINING = "pretraining"
"""The method of cells that train a backbone for the others to start from."""

Setting = tuple[str, Any]


@dataclass(frozen=True)
class Cell:
    """What is trained, completely; equal cells are trained once, whatever they feed.

    Attributes:
        method: "dph", a name of `dualhash.baselines` or of `answers.TOGETHER`, or `PRETRAINING`.
        bits: Length of the code; 0 for methods without codes.
        seen: Which training subsets there are, a name of `seen.SEEN`. Of these each method sees
            the images that have the labels it learns from.
        settings: Training settings in place of the catalogue's usual ones, by name, sorted.
        seed: Of everything random.
        held_out: How many categories no training image is of.
        trial: Whether it is judged on validation images, to choose a setting by, not on test.
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
        """Tells the cell from all others; the name of its file."""
        parts = [self.method]
        parts += [str(self.bits)] if self.bits else []
        parts += [self.seen.lower().replace("+", "-")] if self.seen != "B+A+C" else []
        parts += [f"{name.replace('_', '-')}-{value}" for name, value in self.settings]
        parts += [f"without-{self.held_out}"] if self.held_out else []
        parts += ["trial"] if self.trial else []
        return "-".join([*parts, f"s{self.seed}"])


class Result(BaseModel):
    """A finished cell; one JSON file.

    Attributes:
        name: `Cell.name`.
        method: Of the cell.
        bits: Of the cell.
        seed: Of the cell.
        catalogue: Name of the data set.
        recipe: The settings that the grid asked for; a result with others is not current.
        config: The settings in full, as the model has them.
        figures: By name, with 95 % bootstrap intervals over queries.
        counts: Images, queries and selections that took part or were left out.
        seconds: How long the `training` and the `judging` took.
        hashes: Of the `data`, of the `model`, and of the models it was made from, by their methods.
        versions: Of the libraries.
        draws: Of the figures that differences are taken of, each bootstrap draw of the queries.
            The same draw has the same queries in every cell.
        extras: What single figures of the paper need besides, such as a histogram, by name.
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
