"""From a cell to its models. Needs the extra `train`, from where it trains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any

from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.training.config import TrainConfig
from dualhash.training.presets import preset_config
from dualhash.training.progress import Display
from reproduction.answers import CATEGORY_MODEL, TOGETHER
from reproduction.cell import PRETRAINING, Cell
from reproduction.seen import training_view
from reproduction.tuning import VALIDATION


@dataclass(frozen=True)
class Made:
    """What came of the training of a cell.

    Attributes:
        models: By method; several where the method consists of several, none of a backbone.
        config: All settings; `weights` is the name of the cell that they are of.
        hashes: Of the models, or of those it consists of, and of its backbone.
        versions: Of the libraries.
        validation: Figures on validation images.
        seconds: Of the training, those before it was killed among them.
    """

    models: Mapping[str, Model]
    config: dict[str, Any] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    validation: dict[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0


def make(
    cell: Cell,
    recipe: Mapping[str, Any],
    catalogue: Catalogue,
    out: Path,
    *,
    parts: Mapping[str, Path],
    display: Display,
) -> Made:
    """Trains, or goes on with a training that was killed, or opens what is there.

    Args:
        cell: What is made.
        recipe: The preset and the settings over it.
        catalogue: All of it.
        out: Folder of the model.
        parts: Folders of the models it is made from, by their methods.
        display: Where progress is shown.
    """
    if cell.method in TOGETHER:
        models = {method: Model.open(path) for method, path in parts.items()}
        return Made(models, hashes={method: model.hash for method, model in models.items()})
    weights = parts.get(PRETRAINING)
    started = {"weights": str(weights)} if weights else {}
    config = preset_config(**recipe, **started)
    view = training_view(catalogue, cell.seen)
    if cell.method == PRETRAINING:
        return _pretrained(view, config, out, display)
    from dualhash.baselines.train_method import train_method

    base = parts.get(CATEGORY_MODEL)
    model = train_method(cell.method, view, config, out, base=base, resume=True, display=display)
    card = model.card
    hashes = {
        "model": model.hash,
        PRETRAINING: card.training.get("weights_hash"),
        CATEGORY_MODEL: card.training.get("base"),
    }
    return Made(
        {cell.method: model},
        {**card.config, "weights": weights and weights.parent.name},
        {name: known for name, known in hashes.items() if known},
        card.versions,
        validation_figures(card.training),
        card.training["seconds"],
    )


def _pretrained(view: Catalogue, config: TrainConfig, out: Path, display: Display) -> Made:
    from dualhash.training.export.backbone_weights import weights_hash
    from dualhash.training.pretrain import pretrain

    card = pretrain(view, config, out, resume=True, display=display)
    hashes = {"model": str(weights_hash(out))}
    figures = validation_figures(card.training)
    return Made({}, card.config, hashes, card.versions, figures, card.training["seconds"])


def validation_figures(training: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures on validation images that a card has; None where they are not defined."""
    found = {name: training["best"].get(name.removeprefix("validation_")) for name in VALIDATION}
    return {name: None if value is None or isnan(value) else value for name, value in found.items()}
