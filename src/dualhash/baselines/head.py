"""Head methods at work: another model's codes with an attribute head of their own."""

import math
import time
from pathlib import Path

import numpy as np

from dualhash.baselines.figures import figures
from dualhash.baselines.method import Features, HeadMethod
from dualhash.baselines.shallow import without_batches
from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.images import centre_crop
from dualhash.codes.model import Model
from dualhash.codes.model_folder import read_model, write_model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.evaluation.weighted_retrieval import choose_attribute_weight
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare
from dualhash.training.data.training_data import TrainingSet
from dualhash.training.data.training_labels import Rows, take
from dualhash.training.loop.run_folder import Workspace
from dualhash.training.progress import Display

BATCH = 256


def train_head(
    catalogue: Catalogue,
    method: HeadMethod,
    base: str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    replace: bool = False,
    display: Display | None = None,
) -> Model:
    """Learns attributes from the codes of a model; writes a folder with its encoder.

    Args:
        catalogue: Images and labels; `test` images are not looked at.
        method: What to fit.
        base: Folder of the model whose codes are read.
        out: The model folder.
        resume: Change nothing if it is finished.
        replace: Replace a model that is there.
        display: Where progress is shown; None shows it on stderr.

    Raises:
        DualhashError: `base` is no model of the right method, the labels cannot be learned from,
            or `out` holds something that may not be written over.
    """
    if not catalogue.names.attributes:
        raise DualhashError(f"{method.title} learns attributes, and {catalogue.source} has none.")
    display = display or Display()
    card, tensors, graph = read_model(Path(base))
    if card.method != method.base:
        raise DualhashError(
            f"{method.title} reads the codes of {method.base}, and {base} is a model of "
            f"{card.method}."
        )
    learned_as = {"method": method.name, "learns": "attribute", "frozen_stages": 0}
    config = TrainConfig(**card.config).model_copy(update=learned_as)
    workspace = Workspace.of(Path(out))
    model = Model.open(base)
    if resume and workspace.finished:
        found = Model.open(workspace.out)
        if found.card.training.get("base") != model.hash:
            raise DualhashError(
                f"{out} holds another model, there is nothing to resume: --replace replaces it, or "
                "choose another --out."
            )
        return found
    with workspace.held():
        workspace.check(config, catalogue.label_hash, resume=resume, replace=replace)
        task = without_batches(prepare(catalogue, config, display))
        task.say_notes()
        begun = time.monotonic()
        seen = codes_of(model, task.data, task.data.training, display)
        judged = codes_of(model, task.data, task.data.validation, display)
        with display.bar(method.title) as step:
            head = method.fit(seen, lambda done, total: step(done, total, ""))
        bits = judged.values > 0.5
        scores = head.scores(bits)
        attribute_weight = choose_attribute_weight(bits, scores, judged.labels)
        described = card.model_copy(
            update={
                "method": method.name,
                "attribute_names": task.names.attributes,
                "columns": catalogue.columns,
                "source": catalogue.source,
                "config": config.model_dump(mode="json"),
                "label_hash": catalogue.label_hash,
                "calibration": {}
                if math.isnan(attribute_weight)
                else {"attribute_weight": attribute_weight},
                "training": {
                    "seconds": round(time.monotonic() - begun, 1),
                    "images": len(seen.values),
                    "validation_images": len(bits),
                    "notes": task.notes,
                    "best": figures(bits, head.probabilities(bits), judged.labels),
                    "base": model.hash,
                },
            }
        )
        heads = {"attribute_head.weight": head.weight, "attribute_head.bias": head.bias}
        write_model(workspace.out, described, {**tensors, **heads}, graph)
        return Model.open(workspace.out)


def codes_of(model: Model, data: TrainingSet, rows: Rows, display: Display) -> Features:
    """Bits 0 and 1 of images as they are, with their labels."""
    values = np.empty((len(rows), model.bits), np.float32)
    with display.bar("codes") as step:
        for start in range(0, len(rows), BATCH):
            chosen = rows[start : start + BATCH]
            images = centre_crop(data.pixels[chosen], data.preprocessing.crop)
            values[start : start + BATCH] = quantise(model.encode_arrays(images))
            step(min(start + BATCH, len(rows)), len(rows), "")
    return Features(values, take(data.labels, rows))
