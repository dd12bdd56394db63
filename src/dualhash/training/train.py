"""From a catalogue to a model folder."""

from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.images import centre_crop
from dualhash.codes.card import ModelCard
from dualhash.codes.model import Model
from dualhash.codes.model_folder import write_model
from dualhash.training.calibration import calibrate
from dualhash.training.config import TrainConfig
from dualhash.training.export import check_encoder, export_encoder, head_tensors
from dualhash.training.learn import Learned, learn, library_versions
from dualhash.training.prepare import prepare
from dualhash.training.progress import Display
from dualhash.training.workspace import Workspace

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
        model = Model.open(workspace.out)
        workspace.check_finished(model.card, config, catalogue.label_hash)
        return model
    workspace.check(config, catalogue.label_hash, resume=resume, replace=replace)
    task = prepare(catalogue, config, display)
    workspace.begin(config, catalogue.label_hash, resume=resume)
    task.say_notes()
    learned = learn(task, workspace.folder, tensorboard=tensorboard)
    display.note("writing the model")
    write_learned(workspace.out, learned, catalogue)
    workspace.close(keep=keep_checkpoints)
    return Model.open(workspace.out)


def write_learned(
    out: Path, learned: Learned, catalogue: Catalogue, attribute_units: tuple[int, ...] = ()
) -> None:
    """Writes the model folder, after a check that the exported encoder is the network.

    Args:
        out: The folder.
        learned: What came of the training.
        catalogue: That was trained on.
        attribute_units: See `ModelCard.attribute_units`.

    Raises:
        DualhashError: The encoder differs, or the folder cannot be written.
    """
    task, network = learned.task, learned.fitted.network
    data, config = task.data, task.config
    graph = export_encoder(network, data.preprocessing.crop)
    sample = data.pixels[data.training[:CHECKED]]
    check = check_encoder(
        graph, network, centre_crop(sample, data.preprocessing.crop), data.preprocessing
    )
    card = ModelCard(
        method=config.method,
        bits=network.hash_layer.out_features,
        category_names=task.names.categories,
        attribute_names=task.names.attributes,
        attribute_units=attribute_units,
        columns=catalogue.columns,
        source=catalogue.source,
        preprocessing=data.preprocessing,
        backbone=config.backbone,
        config=config.model_dump(mode="json"),
        seed=config.seed,
        label_hash=catalogue.label_hash,
        versions=library_versions(),
        calibration=calibrate(network, data),
        training=learned.report | {"encoder": check},
    )
    write_model(out, card, head_tensors(network), graph)
