"""A backbone that has learned to tell categories, for trainings of codes to start from."""

from pathlib import Path

from dualhash.catalogue.catalogue import Catalogue
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare
from dualhash.training.export.backbone_weights import WEIGHTS, WeightsCard, read_card, write_weights
from dualhash.training.loop.run_folder import Workspace
from dualhash.training.loop.train_network import learn, library_versions
from dualhash.training.progress import Display

PRETRAINING = {
    "method": "pretraining",
    "learns": "category",
    "hash_layer": "none",
    "hash_settings": {},
    "category_loss": "softmax",
    "loss_settings": {},
    "alpha": 0.0,
}
"""What a pretraining settles, whatever the configuration says."""


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
    """Trains a backbone to tell categories by a softmax straight on its features.

    It sees the images of train-both and train-category that have a category, but for the
    validation part, and never `test`. The weights are those of the round in which the features,
    ranked by Euclidean distance, have the best category mAP on the validation part. A training
    starts from them with `weights`.

    Args:
        catalogue: Images and labels.
        config: The settings; those in `PRETRAINING` are settled here, `bits` is not looked at.
        out: A folder for the weights and their card.
        resume: Go on with what was begun there; change nothing if it is finished.
        replace: Replace weights, or begin anew in place of a training that is not finished.
        keep_checkpoints: Leave `<out>.training` there in the end.
        display: Where progress is shown; None shows it on stderr.

    Raises:
        DualhashError: As `train` does.
    """
    display = display or Display()
    config = config.model_copy(update=PRETRAINING)
    workspace = Workspace.of(Path(out), WEIGHTS)
    if resume and workspace.finished:
        card = read_card(workspace.out)
        workspace.check_finished(card, config, catalogue.label_hash)
        return card
    with workspace.held():
        workspace.check(config, catalogue.label_hash, resume=resume, replace=replace)
        task = prepare(catalogue, config, display)
        workspace.begin(config, catalogue.label_hash, resume=resume)
        task.say_notes()
        learned = learn(task, workspace.folder)
        card = WeightsCard(
            backbone=config.backbone,
            source=catalogue.source,
            label_hash=catalogue.label_hash,
            category_names=task.names.categories,
            without_categories=config.without_categories,
            config=config.model_dump(mode="json"),
            versions=library_versions(),
            training=learned.report,
        )
        write_weights(workspace.out, card, learned.fitted.network.backbone)
        workspace.close(keep=keep_checkpoints)
        return card
