"""Trains the model of a cell. Needs the extra `train`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Any

from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.progress import Display
from dualhash.training.config import TrainConfig
from dualhash.training.presets import preset_config
from reproduction.grid_cell import PRETRAINING, Cell
from reproduction.method_outputs import CATEGORY_MODEL
from reproduction.setting_choice import VALIDATION
from reproduction.training_subsets import select_training_images


@dataclass(frozen=True)
class TrainedCell:
    """The models of a cell and the records of its training.

    Attributes:
        models: By method; several if the method consists of several, none for a backbone.
        config: All settings; `weights` is the name of the cell that the weights come from.
        hashes: Of the models, or of those that the method consists of, and of the backbone.
        versions: Of the libraries.
        validation: Figures on validation images.
        seconds: Duration of the training, including time before an interruption.
    """

    models: Mapping[str, Model]
    config: dict[str, Any] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    validation: dict[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0


def train_cell(
    cell: Cell,
    recipe: Mapping[str, Any],
    catalogue: Catalogue,
    out: Path,
    *,
    parts: Mapping[str, Path],
    display: Display,
) -> TrainedCell:
    """Trains a cell, continues an interrupted training, or opens finished models.

    Args:
        cell: The cell.
        recipe: The preset and the settings that differ from it; `method` if the cell's is not the
            name of a method. Without a preset, nothing is trained.
        catalogue: The whole catalogue.
        out: Folder of the model.
        parts: Folders of the models it is made from, by their methods.
        display: Where progress is shown.
    """
    if "preset" not in recipe:
        models = {method: Model.open(path) for method, path in parts.items()}
        return TrainedCell(models, hashes={method: model.hash for method, model in models.items()})
    weights = parts.get(PRETRAINING)
    started = {"weights": str(weights)} if weights else {}
    config = preset_config(**recipe, **started)
    view = select_training_images(catalogue, cell.seen)
    if cell.method == PRETRAINING:
        return _pretrained(view, config, out, display)
    from dualhash.baselines import find_method
    from dualhash.training.train import train

    method = find_method(recipe.get("method", cell.method), parts.get(CATEGORY_MODEL))
    model = train(view, config, out, method=method, resume=True, display=display)
    card = model.card
    hashes = {
        "model": model.hash,
        PRETRAINING: card.training.get("weights_hash"),
        CATEGORY_MODEL: card.training.get("base"),
    }
    return TrainedCell(
        {cell.method: model},
        {**card.config, "weights": weights and weights.parent.name},
        {name: known for name, known in hashes.items() if known},
        card.versions,
        validation_figures(card.training),
        card.training["seconds"],
    )


def _pretrained(view: Catalogue, config: TrainConfig, out: Path, display: Display) -> TrainedCell:
    from dualhash.training.export.backbone_weights import weights_hash
    from dualhash.training.pretrain import pretrain

    card = pretrain(view, config, out, resume=True, display=display)
    hashes = {"model": str(weights_hash(out))}
    figures = validation_figures(card.training)
    return TrainedCell({}, card.config, hashes, card.versions, figures, card.training["seconds"])


def validation_figures(training: Mapping[str, Any]) -> dict[str, float | None]:
    """Returns the figures on validation images in a model card; None if they are undefined."""
    found = {name: training["best"].get(name.removeprefix("validation_")) for name in VALIDATION}
    return {name: None if value is None or isnan(value) else value for name, value in found.items()}
