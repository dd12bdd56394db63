"""Shallow methods at work: from a catalogue and a pretrained backbone to a model folder."""

import time
from dataclasses import replace as altered
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dualhash.baselines.figures import figures
from dualhash.baselines.hash_function import HashFunction
from dualhash.baselines.hash_module import HashModule
from dualhash.baselines.linear_svm import category_head
from dualhash.baselines.method import Features, Report, ShallowMethod
from dualhash.catalogue.catalogue import TRAIN_BOTH, Catalogue
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.network import BuiltBackbone, ClassifierHead, DualHashNetwork, NoHashLayer
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare
from dualhash.training.data.training_data import TrainingSet, generator_for
from dualhash.training.data.training_labels import Rows, take, training_catalogue
from dualhash.training.export.backbone_weights import weights_hash
from dualhash.training.export.exported_model import one_network
from dualhash.training.loop.fit import Fitted, Task, build_backbone_of
from dualhash.training.loop.run_folder import Workspace
from dualhash.training.loop.train_network import Learned
from dualhash.training.progress import Display, Step
from dualhash.training.train import write_assembly

BATCH = 256


def train_shallow(
    catalogue: Catalogue,
    method: ShallowMethod,
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    replace: bool = False,
    display: Display | None = None,
) -> Model:
    """Fits a method to the features of a backbone that stays as it is; writes a model folder.

    The features are those of images as they are, without augmentation. Categories are read from
    the codes by linear SVMs, so that the model can name them.

    Args:
        catalogue: Images and labels; `test` images are not looked at.
        method: What to fit.
        config: Of which the backbone and its weights, sizes, bits, the validation part and the
            seed are used.
        out: The model folder.
        resume: Change nothing if it is finished.
        replace: Replace a model that is there.
        display: Where progress is shown; None shows it on stderr.

    Raises:
        DualhashError: The backbone has no weights, the labels cannot be learned from, or `out`
            holds something that may not be written over.
    """
    if not (config.pretrained or config.weights):
        raise DualhashError(
            f"{method.title} learns from the features of a backbone that was trained before: state "
            "weights that `dualhash pretrain` wrote (--weights FOLDER), or take a backbone with "
            "published weights (--backbone efficientnet-lite0 --pretrained)."
        )
    if "attribute" in method.answers and not catalogue.names.attributes:
        raise DualhashError(f"{method.title} learns attributes, and {catalogue.source} has none.")
    display = display or Display()
    learns = "both" if method.labels == "joint" else method.labels
    config = config.model_copy(update={"method": method.name, "learns": learns})
    workspace = Workspace.of(Path(out))
    if resume and workspace.finished:
        model = Model.open(workspace.out)
        workspace.check_finished(model.card, config, catalogue.label_hash)
        return model
    with workspace.held():
        workspace.check(config, catalogue.label_hash, resume=resume, replace=replace)
        task = without_batches(prepare(catalogue, config, display))
        task.say_notes()
        rows = task.data.training
        if method.labels == "joint":
            rows = rows[training_catalogue(catalogue).subsets[rows] == TRAIN_BOTH]
        learned, function = _fit(task, method, rows)
        display.note("writing the model")
        made = altered(one_network(config, {"": learned}), attribute_units=function.attribute_units)
        write_assembly(workspace.out, made, config, catalogue, task.data)
        return Model.open(workspace.out)


def without_batches(task: Task) -> Task:
    """The task without what is said of batches, which only deep methods have."""
    kept = tuple(text for text in task.notes if text not in task.data.plan.notes)
    return altered(task, notes=kept)


def _fit(task: Task, method: ShallowMethod, rows: Rows) -> tuple[Learned, HashFunction]:
    begun = time.monotonic()
    data, config, display = task.data, task.config, task.display
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(config.seed)
        backbone = build_backbone_of(config, data.preprocessing.crop).eval()
        seen = features_of(backbone, data, rows, display)
        judged = features_of(backbone, data, data.validation, display)
        with display.bar(method.title) as step:
            function = method.fit(seen, config.bits, generator_for(config.seed), _report(step))
        network = _network(backbone, function, seen, task)
    outputs = function.outputs(judged.values)
    report = {
        "seconds": round(time.monotonic() - begun, 1),
        "images": len(rows),
        "validation_images": len(data.validation),
        "notes": task.notes,
        "best": figures(quantise(outputs), _probabilities(outputs, function), judged.labels),
        "weights_hash": weights_hash(config.weights),
    }
    return Learned(task, Fitted(network, []), report), function


@torch.inference_mode()
def features_of(
    backbone: BuiltBackbone, data: TrainingSet, rows: Rows, display: Display
) -> Features:
    """L2-normalised features and labels of images as they are.

    Args:
        backbone: In evaluation mode.
        data: Images and labels.
        rows: Of `data`.
        display: Where progress is shown.
    """
    plain = DualHashNetwork(backbone, NoHashLayer(backbone.feature_size), 0, 0).eval()
    values = np.empty((len(rows), backbone.feature_size), np.float32)
    with display.bar("features") as step:
        for start in range(0, len(rows), BATCH):
            batch = data.plain_batch(rows[start : start + BATCH])
            found = torch.nn.functional.normalize(plain(batch.inputs).outputs)
            values[start : start + BATCH] = found.numpy()
            step(min(start + BATCH, len(rows)), len(rows), "")
    return Features(values, take(data.labels, rows))


def _probabilities(outputs: NDArray[np.float32], function: HashFunction) -> NDArray[np.floating]:
    if function.attribute_units:
        return outputs[:, list(function.attribute_units)]
    if function.attribute_head:
        return function.attribute_head.probabilities(quantise(outputs))
    return np.empty((len(outputs), 0))


def _network(
    backbone: BuiltBackbone, function: HashFunction, seen: Features, task: Task
) -> DualHashNetwork:
    names = task.names
    network = DualHashNetwork(
        backbone, HashModule(function), len(names.categories), len(names.attributes)
    )
    if names.categories:
        bits = quantise(function.outputs(seen.values))
        _put(network.category_head, category_head(bits, seen.labels, len(names.categories)))
    if function.attribute_head:
        _put(network.attribute_head, function.attribute_head)
    return network.eval()


@torch.no_grad()
def _put(head: ClassifierHead, fitted: LinearHead) -> None:
    head.weight.copy_(torch.from_numpy(fitted.weight))
    head.bias.copy_(torch.from_numpy(fitted.bias))


def _report(step: Step) -> Report:
    return lambda done, total: step(done, total, "")
