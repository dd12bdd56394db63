"""From a catalogue to a model folder."""

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dualhash.catalogue.catalogue import MISSING, Catalogue
from dualhash.catalogue.images import centre_crop
from dualhash.codes.card import ModelCard
from dualhash.codes.model import Model
from dualhash.codes.model_folder import write_model
from dualhash.errors import DualhashError
from dualhash.evaluation.labels import Labels
from dualhash.files import write_whole
from dualhash.training.alpha import Trial, choose_alpha, search_alpha
from dualhash.training.cache import cached_images, default_folder
from dualhash.training.calibration import calibrate
from dualhash.training.config import TrainConfig
from dualhash.training.data import SPLIT, TrainingSet, generator_for, iterations_of
from dualhash.training.export import check_encoder, export_encoder, head_tensors
from dualhash.training.fit import Fitted, Task, fit
from dualhash.training.labels import check_trainable, split_validation, take, training_catalogue
from dualhash.training.preprocessing import choose_preprocessing
from dualhash.training.progress import Display
from dualhash.training.rounds import LOG
from dualhash.training.sampler import plan_batches
from dualhash.training.workspace import Workspace

TRIALS = "trials.json"
CHECKED = 64
"""Images on which the exported encoder is compared with torch."""

LIBRARIES = ("dualhash", "torch", "torchvision", "timm", "lightning", "onnx", "numpy")


def train(
    catalogue: Catalogue,
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    replace: bool = False,
    keep_checkpoints: bool = False,
    tensorboard: bool = False,
    display: Display | None = None,
) -> Model:
    """Learns codes from the training subsets of a catalogue and writes a model folder.

    The model has the weights of the round with the best harmonic mean of category mAP and avg HM
    on a validation part of the training subsets. The same seed gives the same model on the same
    machine, also if the training was killed and resumed in between. Until the model is complete
    all is kept in `<out>.training`.

    Args:
        catalogue: Images and labels; `test` images and images in no subset are not looked at.
        config: The settings.
        out: The model folder.
        resume: Go on with the training that was begun there; begin one if there is none, and
            change nothing if it is finished.
        replace: Replace a model, or begin anew in place of a training that is not finished.
        keep_checkpoints: Leave `<out>.training` there in the end.
        tensorboard: Log for TensorBoard, too, into `tensorboard` of the model folder.
        display: Where progress is shown; None shows it on stderr.

    Raises:
        DualhashError: The labels cannot be learned from, a setting names what does not exist, or
            `out` holds something that may not be written over.
    """
    display = display or Display()
    workspace = Workspace.of(Path(out))
    if resume and workspace.finished:
        return _finished(workspace.out, config, catalogue.label_hash)
    workspace.check(config, catalogue.label_hash, resume=resume, replace=replace)
    task, notes = _prepare(training_catalogue(catalogue), config, display)
    workspace.begin(config, catalogue.label_hash, resume=resume)
    for text in notes:
        display.note(text)

    plan = task.data.plan
    iterations = iterations_of(config, len(task.data.training), plan.size)
    alpha, trials = _alpha(task, workspace.folder, iterations)
    fitted = fit(
        task,
        "training",
        workspace.folder,
        alpha=alpha,
        iterations=iterations,
        tensorboard=tensorboard,
    )
    display.note("writing the model")
    report = {
        "seconds": fitted.rounds[-1]["seconds"],
        "iterations": iterations,
        "epochs": iterations * plan.size / len(task.data.training),
        "images": len(task.data.training),
        "validation_images": len(task.data.validation),
        "notes": notes,
        "alpha": alpha,
        "alpha_trials": [asdict(trial) for trial in trials],
        "best": fitted.best,
    }
    _write(workspace.out, task, fitted, catalogue, report)
    write_whole(workspace.out / LOG, (workspace.folder / LOG).read_text(encoding="utf-8"))
    workspace.close(keep=keep_checkpoints)
    return Model.open(workspace.out)


def _prepare(catalogue: Catalogue, config: TrainConfig, display: Display) -> tuple[Task, list[str]]:
    """Images and labels ready for training, and what is to be said about them."""
    preprocessing = choose_preprocessing(config, catalogue.images)
    with display.bar("decoding images") as step:
        images = cached_images(
            catalogue.images, preprocessing, default_folder(), lambda n, total: step(n, total, "")
        )
    notes = [f"Left out: {reason}" for reason in images.failed.values()]
    readable = np.delete(np.arange(len(catalogue)), list(images.failed))
    if not len(readable):
        raise DualhashError(f"No image that can be trained on can be read. {images.failed[0]}")
    labels = Labels(catalogue.categories, catalogue.attributes, catalogue.observed)
    held_out = split_validation(
        take(labels, readable), config.validation_fraction, generator_for(config.seed, SPLIT)
    )
    if not len(held_out):
        raise DualhashError(
            f"{catalogue.source} has {len(readable)} images that can be trained on, too few to "
            "keep some of them for validation: label more, two of some category at least."
        )
    training, validation = np.delete(readable, held_out), readable[held_out]
    trained = take(labels, training)
    counts = check_trainable(trained, catalogue)
    plan = plan_batches(trained.categories, trained.observed, config)
    data = TrainingSet(images.pixels, labels, training, validation, plan, preprocessing)
    return Task(data, catalogue.names, counts, config, display), [*notes, *plan.notes]


def _alpha(task: Task, folder: Path, iterations: int) -> tuple[float, list[Trial]]:
    """The alpha of the configuration, or the one its search finds, with its trials."""
    config = task.config
    if config.alpha != "auto":
        return config.alpha, []
    if not task.names.attributes or not (task.data.labels.categories != MISSING).any():
        return 1.0, []
    file = folder / TRIALS
    done = [Trial(**row) for row in json.loads(file.read_text())] if file.exists() else []
    length = max(1, round(config.alpha_fraction * iterations))

    def run(alpha: float) -> Trial:
        for trial in done:
            if trial.alpha == alpha:
                return trial
        place = folder / f"alpha-{alpha}"
        rounds = fit(task, f"trying alpha {alpha}", place, alpha=alpha, iterations=length).rounds
        done.append(Trial(alpha, rounds[-1]["category_map"], rounds[-1]["avg_hm"]))
        write_whole(file, json.dumps([asdict(trial) for trial in done]))
        return done[-1]

    trials = search_alpha(run, config.alphas, config.alpha_tolerance)
    chosen = choose_alpha(trials, config.alpha_tolerance)
    task.display.table(
        f"Choice of alpha ({length:,} iterations each, validation images)",
        ("alpha", "category mAP", "avg HM", ""),
        [
            (
                f"{trial.alpha:g}",
                f"{trial.category_map:.3f}",
                f"{trial.avg_hm:.3f}",
                "chosen" if trial.alpha == chosen else "",
            )
            for trial in trials
        ],
    )
    if not chosen:
        task.display.note(
            "Even the smallest alpha costs more category mAP than alpha_tolerance allows: "
            "attributes are not learned. State an --alpha above 0 to search by attributes."
        )
    return chosen, trials


def _write(
    out: Path, task: Task, fitted: Fitted, catalogue: Catalogue, report: dict[str, Any]
) -> None:
    data, config = task.data, task.config
    graph = export_encoder(fitted.network, data.preprocessing.crop)
    sample = data.pixels[data.training[:CHECKED]]
    check = check_encoder(
        graph, fitted.network, centre_crop(sample, data.preprocessing.crop), data.preprocessing
    )
    card = ModelCard(
        bits=config.bits,
        category_names=task.names.categories,
        attribute_names=task.names.attributes,
        columns=catalogue.columns,
        source=catalogue.source,
        preprocessing=data.preprocessing,
        backbone=config.backbone,
        config=config.model_dump(mode="json"),
        seed=config.seed,
        label_hash=catalogue.label_hash,
        versions=_versions(),
        calibration=calibrate(fitted.network, data),
        training=report | {"encoder": check},
    )
    write_model(out, card, head_tensors(fitted.network), graph)


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **libraries}


def _finished(out: Path, config: TrainConfig, label_hash: str) -> Model:
    """The model that is there, if it is what this training would make."""
    model = Model.open(out)
    if (model.card.config, model.card.label_hash) != (config.model_dump(mode="json"), label_hash):
        raise DualhashError(
            f"{out} holds the model of another training, there is nothing to resume: --replace "
            "replaces it, or choose another --out."
        )
    return model
