"""From a catalogue to a model folder."""

from pathlib import Path

import torch

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.images import centre_crop
from dualhash.codes.model import Model
from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import write_model
from dualhash.network import BACKBONES, Encoder
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare
from dualhash.training.data.training_data import TrainingSet
from dualhash.training.export.exported_model import ONE_NETWORK, Assembly, ExportPlan
from dualhash.training.export.onnx_export import check_encoder, export_encoder
from dualhash.training.loop.fit import Task, build_network
from dualhash.training.loop.run_folder import Workspace
from dualhash.training.loop.train_network import learn, library_versions
from dualhash.training.progress import Display

CHECKED = 64
"""Images on which the exported encoder is compared with torch."""


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
    plan: ExportPlan = ONE_NETWORK,
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
        plan: How the method is trained; comparison methods have others.

    Raises:
        DualhashError: The labels cannot be learned from, a setting names what does not exist, or
            `out` holds something that may not be written over.
    """
    display = display or Display()
    workspace = Workspace.of(Path(out))
    if resume and workspace.finished:
        model = Model.open(workspace.out)
        workspace.check_finished(model.card, config, catalogue.label_hash)
        return model
    with workspace.held():
        workspace.check(config, catalogue.label_hash, resume=resume, replace=replace)
        runs = plan.runs(config, len(catalogue.names.attributes))
        tasks = {name: prepare(catalogue, settings, display) for name, settings in runs.items()}
        if config.backbone not in BACKBONES:
            _try_export(config, next(iter(tasks.values())))
        workspace.begin(config, catalogue.label_hash, resume=resume)
        learned = {}
        for name, task in tasks.items():
            task.say_notes()
            learned[name] = learn(task, workspace.folder / name, tensorboard=tensorboard)
        display.note("writing the model")
        write_assembly(workspace.out, plan.assemble(config, learned), config, catalogue, task.data)
        workspace.close(runs, keep=keep_checkpoints)
        return Model.open(workspace.out)


def _try_export(config: TrainConfig, task: Task) -> None:
    """Sees that a backbone out of the many can be exported before hours are spent on it."""
    task.display.note("seeing whether the backbone can be exported")
    crop = task.data.preprocessing.crop
    with torch.random.fork_rng(devices=()):
        export_encoder(Encoder(build_network(config, crop, task.names)), crop)


def write_assembly(
    out: Path, made: Assembly, config: TrainConfig, catalogue: Catalogue, data: TrainingSet
) -> None:
    """Writes a model folder, after a check that the exported encoder does what it was made from.

    Args:
        out: The folder.
        made: The model.
        config: The settings.
        catalogue: That was trained on.
        data: Some of whose images are tried.

    Raises:
        DualhashError: The encoder differs, or the folder cannot be written.
    """
    preprocessing = data.preprocessing
    graph = export_encoder(made.encoder, preprocessing.crop)
    sample = centre_crop(data.pixels[data.training[:CHECKED]], preprocessing.crop)
    check = check_encoder(graph, made.encoder, sample, preprocessing)
    card = ModelCard(
        method=config.method,
        bits=made.bits,
        category_names=made.names.categories,
        attribute_names=made.names.attributes,
        attribute_units=made.attribute_units,
        columns=catalogue.columns,
        source=catalogue.source,
        preprocessing=preprocessing,
        backbone=config.backbone,
        config=config.model_dump(mode="json"),
        seed=config.seed,
        label_hash=catalogue.label_hash,
        versions=library_versions(),
        calibration=dict(made.calibration),
        training={**made.report, "encoder": check},
    )
    write_model(out, card, made.tensors, graph)
