"""One run of the trainer: from prepared images to a network, from where it stopped if it did."""

import logging
import math
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from dualhash.catalogue.catalogue import LabelNames
from dualhash.losses import JointLoss, build_attribute_loss, build_category_loss
from dualhash.losses.weighted_cross_entropy import AttributeCounts
from dualhash.network import BuiltBackbone, DualHashNetwork, build_backbone, build_hash_layer
from dualhash.training.config import TrainConfig
from dualhash.training.data.training_data import TrainingData, TrainingSet
from dualhash.training.export.backbone_weights import load_weights
from dualhash.training.loop.callbacks import LiveFigures, Round, Rounds
from dualhash.training.loop.checkpoints import BEST, LAST, SafeCheckpointIO, load_checkpoint
from dualhash.training.loop.lightning_module import DualHashModule
from dualhash.training.loop.precision import autocast_type
from dualhash.training.progress import Display


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Attributes:
        network: With the weights of the round with the best validation score, in evaluation mode.
        rounds: Figures of all rounds.
    """

    network: DualHashNetwork
    rounds: list[Round]

    @property
    def best(self) -> Round:
        """The figures of the round whose weights these are."""
        return max(reversed(self.rounds), key=lambda row: row["score"])


@dataclass(frozen=True)
class Task:
    """What all runs of a training share.

    Attributes:
        data: Images and labels.
        names: Of the labels.
        counts: Of the attribute labels trained on.
        config: The settings.
        display: Where progress is shown.
        notes: Plain sentences on what is unusual about images and labels.
    """

    data: TrainingSet
    names: LabelNames
    counts: AttributeCounts
    config: TrainConfig
    display: Display
    notes: tuple[str, ...] = ()

    def say_notes(self) -> None:
        """Shows the notes."""
        for text in self.notes:
            self.display.note(text)


def fit(
    task: Task,
    what: str,
    folder: Path,
    *,
    alpha: float,
    iterations: int,
    tensorboard: bool = False,
) -> Fitted:
    """Trains for so many batches, or continues from the last checkpoint in `folder`.

    Args:
        task: What to learn from.
        what: Said with the progress.
        folder: For checkpoints and logs.
        alpha: Weight of the attributes in equation 8.
        iterations: Batches in all.
        tensorboard: Whether to log for TensorBoard, too.
    """
    config, names = task.config, task.names
    with torch.random.fork_rng(devices=()), _as_a_library(), task.display.bar(what) as step:
        torch.manual_seed(config.seed)
        network = build_network(config, task.data.preprocessing.crop, names)
        loss = JointLoss(
            build_category_loss(config.category_loss, config.loss_settings),
            build_attribute_loss(config.attribute_loss, task.counts),
            alpha,
        )
        rounds = Rounds(folder)
        trainer = Trainer(
            max_epochs=math.ceil(iterations / config.validation_every),
            devices=1,
            deterministic="warn",
            callbacks=[LiveFigures(task.display, step, iterations), rounds],
            plugins=[SafeCheckpointIO()],
            logger=TensorBoardLogger(folder, "tensorboard", "") if tensorboard else False,
            log_every_n_steps=1,
            default_root_dir=folder,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        trainer.fit(
            DualHashModule(network, loss, config, iterations),
            datamodule=TrainingData(task.data, config, iterations),
            ckpt_path=folder / LAST if (folder / LAST).exists() else None,
        )
    prefix = "network."
    best = load_checkpoint(folder / BEST)["state_dict"]
    network.load_state_dict(
        {name.removeprefix(prefix): best[name] for name in best if name.startswith(prefix)}
    )
    return Fitted(network.cpu().eval(), rounds.rounds)


def build_network(config: TrainConfig, crop: tuple[int, int], names: LabelNames) -> DualHashNetwork:
    """The network as it begins; its new layers are drawn from torch's global generator."""
    backbone = build_backbone_of(config, crop)
    network = DualHashNetwork(
        backbone,
        build_hash_layer(
            config.hash_layer, backbone.feature_size, config.bits, config.hash_settings
        ),
        len(names.categories),
        len(names.attributes),
        autocast=autocast_type(config.precision),
    )
    return network.to(memory_format=torch.channels_last)


def build_backbone_of(config: TrainConfig, crop: tuple[int, int]) -> BuiltBackbone:
    """The backbone as a training begins with it: weights loaded, stages frozen."""
    published = config.pretrained and config.weights is None
    backbone = build_backbone(config.backbone, pretrained=published, input_size=crop)
    if config.weights is not None:
        load_weights(config.weights, backbone)
    backbone.freeze(config.frozen_stages)
    return backbone


@contextmanager
def _as_a_library() -> Iterator[None]:
    """Keeps Lightning from talking about hardware, and from ending the process at Ctrl-C.

    Afterwards torch takes what algorithms it took before.
    """
    exact = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    logger, handler = logging.getLogger("lightning.pytorch"), signal.getsignal(signal.SIGINT)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            yield
    except SystemExit as stopped:
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from stopped
    finally:
        logger.setLevel(level)
        torch.use_deterministic_algorithms(exact, warn_only=warn_only)
