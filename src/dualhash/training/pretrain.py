"""`dualhash.pretrain`: trains a backbone to classify categories, as a start for other trainings."""

from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue
from dualhash.network import BuiltBackbone
from dualhash.progress import Display
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare_data
from dualhash.training.export.backbone_weights import (
    WEIGHTS,
    WeightsCard,
    read_card,
    weights_hash,
    write_weights,
)
from dualhash.training.export.export_model import library_versions
from dualhash.training.loop.run_folder import RunFolder
from dualhash.training.loop.train_network import train_network

PRETRAINING = {
    "method": "pretraining",
    "learns": "category",
    "hash_layer": "none",
    "hash_settings": {},
    "category_loss": "softmax",
    "loss_settings": {},
    "alpha": 0.0,
    "features": None,
    "finetune": 0,
    "category_head": "linear",
    "optimiser": "sgd",
}
"""Settings that replace those of the configuration."""


def pretrain(
    catalogue: Catalogue,
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    replace: bool = False,
    keep_checkpoints: bool = False,
    display: Display | None = None,
) -> WeightsCard:
    """Trains a backbone to classify categories, with a softmax on its features.

    It trains on the images of train-both and train-category that have a category, without the
    validation images, and never on `test`. The weights are those of the round whose features,
    ranked by Euclidean distance, have the best category mAP on the validation images. Other
    trainings start from them with the setting `weights`.

    Args:
        catalogue: Images and labels.
        config: The settings. Those in `PRETRAINING` are replaced, `bits` is ignored.
        out: A folder for the weights and their card.
        resume: Continue the training in `<out>.training`. Changes nothing if it is complete.
        replace: Replace existing weights, or restart an unfinished training.
        keep_checkpoints: Keep `<out>.training` when the weights are complete.
        display: Shows progress; None prints it to stderr.

    Raises:
        DualhashError: As `train` does.
    """
    display = display or Display()
    config = config.model_copy(update=PRETRAINING)
    origin = {"label_hash": catalogue.label_hash, "weights_hash": weights_hash(config.weights)}
    run = RunFolder(Path(out), config, origin, WEIGHTS)
    if resume and run.finished:
        card = read_card(run.out)
        run.check_finished(card)
        return card
    with run.locked():
        run.check(resume=resume, replace=replace)
        data = prepare_data(catalogue, config, display)
        run.begin(resume=resume)
        trained = train_network(data, run.folder, display)
        card = WeightsCard(
            backbone=config.backbone,
            source=catalogue.source,
            label_hash=catalogue.label_hash,
            category_names=data.names.categories,
            without_categories=config.without_categories,
            config=config.model_dump(mode="json"),
            versions=library_versions(),
            training=trained.report,
        )
        backbone = trained.network.backbone
        assert isinstance(backbone, BuiltBackbone)
        write_weights(run.out, card, backbone)
        run.finish(keep=keep_checkpoints)
        return card
