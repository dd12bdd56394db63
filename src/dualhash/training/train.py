"""`dualhash.train`: from a catalogue to a model folder."""

from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.network import BACKBONES, CODE_HEADS, HASH_LAYERS
from dualhash.progress import Display
from dualhash.training.config import VECTORS, TrainConfig
from dualhash.training.data.prepare_data import prepare_data
from dualhash.training.export.export_model import features_origin, write_exported
from dualhash.training.export.onnx_export import check_export
from dualhash.training.loop.fit_network import TrainerOptions
from dualhash.training.loop.processes import check_devices
from dualhash.training.loop.run_folder import RunFolder
from dualhash.training.method import Method, NetworkMethod, configured_method


def train(
    catalogue: Catalogue,
    config: TrainConfig,
    out: str | Path,
    *,
    method: Method | None = None,
    resume: bool = False,
    replace: bool = False,
    keep_checkpoints: bool = False,
    tensorboard: bool = False,
    devices: int = 1,
    display: Display | None = None,
) -> Model:
    """Learns codes from the training subsets of a catalogue and writes a model folder.

    The model has the weights of the last round, or of the one with the best harmonic mean of
    category mAP and avg HM on the validation images (`TrainConfig.final_weights`). On one machine,
    a seed always gives the same model, even if the training was killed and resumed. Until the
    model is complete, checkpoints and logs are in `<out>.training`.

    Every method uses only images that have the labels it learns from. Network methods start from
    the same weights or kept features and share batches and schedule; shallow methods use the same
    kept features, or those of the same backbone.

    Args:
        catalogue: Images and labels. Images in `test` or in no subset are not used. If it has
            feature vectors (`Catalogue.features`), the model learns and takes these in place of
            images.
        config: The settings; see `preset_config`. Vectors need those of a code head, such as the
            preset "features"; its extractor is then not used.
        out: The model folder.
        method: `dualhash.baselines.find_method(NAME)`; None for the method of the paper, or for
            the custom method that `config` names.
        resume: Continue the training in `<out>.training`. Starts one if there is none, and changes
            nothing if the training is complete.
        replace: Replace an existing model, or restart an unfinished training.
        keep_checkpoints: Keep `<out>.training` when the model is complete.
        tensorboard: Also log for TensorBoard, into `<out>/tensorboard`. Network methods only.
        devices: Train on so many GPUs, or without any, in so many processes. Each computes a part
            of every batch, and the model is that of one device except for rounding and dropout.
            It may change when a training is resumed. Network methods only. A script needs
            `if __name__ == "__main__":` around its calls.
        display: Shows progress; None prints it to stderr.

    Raises:
        DualhashError: The labels are not sufficient, a setting is not usable, `out` must not be
            overwritten, or the machine has fewer devices.
    """
    if not isinstance(method, Method | None):
        raise DualhashError(
            f"The method {method!r} is a name; pass dualhash.baselines.find_method({method!r})."
        )
    check_devices(devices)
    display, method = display or Display(), method or configured_method(config)
    config = method.configure(_for_vectors(config, catalogue))
    origin = {
        "label_hash": catalogue.label_hash,
        **features_origin(catalogue, config),
        **method.origin(config),
    }
    run = RunFolder(Path(out), config, origin)
    if resume and run.finished:
        model = Model.open(run.out)
        run.check_finished(model.card)
        return model
    options = TrainerOptions(tensorboard, devices)
    with run.locked():
        run.check(resume=resume, replace=replace)
        runs = method.runs(config, len(catalogue.names.attributes))
        data = {name: prepare_data(catalogue, each, display) for name, each in runs.items()}
        lower = config.code_head in CODE_HEADS if config.features else config.backbone in BACKBONES
        if isinstance(method, NetworkMethod) and not (lower and config.hash_layer in HASH_LAYERS):
            display.note("checking that the network can be exported")
            check_export(next(iter(data.values())))
        run.begin(resume=resume)
        exported = method.learn(data, run.folder, display, options)
        write_exported(run.out, exported, config, catalogue)
        run.finish(keep=keep_checkpoints)
        return Model.open(run.out)


def _for_vectors(config: TrainConfig, catalogue: Catalogue) -> TrainConfig:
    """Returns the settings for the vectors of a catalogue, if it has some.

    Raises:
        DualhashError: The settings train a backbone, or they need vectors and there are none.
    """
    if catalogue.features is None:
        if config.features == VECTORS:
            raise DualhashError(
                f"The settings are for vectors, but {catalogue.source} has none: name their column "
                "(--features-column) or their NumPy file (--features)."
            )
        return config
    if config.features is None:
        raise DualhashError(
            f"{catalogue.source} has vectors, which take the place of a backbone: use the preset "
            "features, or leave the vectors out."
        )
    return config.model_copy(update={"features": VECTORS})
