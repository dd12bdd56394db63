"""One run of the Lightning trainer; it resumes from the last checkpoint."""

import logging
import math
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from dualhash.losses import ATTRIBUTE_LOSSES, JointLoss, build_category_loss
from dualhash.network import DualHashNetwork
from dualhash.progress import Display
from dualhash.training.data.training_data import RepeatableBatches, TrainingData
from dualhash.training.initial_network import initial_network
from dualhash.training.loop.callbacks import ProgressCallback, Round, RoundLog
from dualhash.training.loop.checkpoints import BEST, LAST, SafeCheckpointIO, load_checkpoint
from dualhash.training.loop.lightning_module import DualHashModule


def fit_network(
    data: TrainingData,
    title: str,
    folder: Path,
    display: Display,
    *,
    alpha: float,
    iterations: int,
    before: int = 0,
    total: int | None = None,
    start: DualHashNetwork | None = None,
    tensorboard: bool = False,
) -> tuple[DualHashNetwork, list[Round]]:
    """Trains a network, or continues from the last checkpoint in `folder`.

    Args:
        data: Images, labels and settings.
        title: Shown with the progress.
        folder: Folder for checkpoints and logs.
        display: Shows progress.
        alpha: Weight of the attributes in equation 8.
        iterations: Total number of batches.
        before: Batches of earlier trainings that the shown progress includes.
        total: Batches of all trainings that it includes; None for this one alone.
        start: The network to train on; None begins with a new one.
        tensorboard: Also log for TensorBoard.

    Returns:
        The network with the weights of `chosen_round`, in evaluation mode, and the
        figures of all rounds.
    """
    config, last = data.config, folder / LAST
    first = load_checkpoint(last)["global_step"] if last.exists() else 0
    stream = data.training_batches(first, iterations)
    with torch.random.fork_rng(devices=()), _quiet_lightning(), display.bar(title) as step:
        torch.manual_seed(config.seed)
        network = start or initial_network(
            config, data.preprocessing, data.names, data.feature_sample
        )
        loss = JointLoss(
            build_category_loss(
                config.category_loss,
                config.loss_settings,
                bits=network.category_bits.stop or network.hash_layer.out_features,
                categories=len(data.names.categories),
            ),
            ATTRIBUTE_LOSSES.build(config.attribute_loss, {}, data.counts),
            alpha,
        )
        log = RoundLog(folder, config.final_weights)
        trainer = Trainer(
            max_epochs=math.ceil(iterations / config.validation_every),
            devices=1,
            deterministic="warn",
            callbacks=[ProgressCallback(display, step, before, total or iterations), log],
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
            RepeatableBatches(lambda: islice(stream, config.validation_every)),
            RepeatableBatches(data.validation_batches),
            ckpt_path=last if last.exists() else None,
        )
    prefix = "network."
    best = load_checkpoint(folder / BEST)["state_dict"]
    network.load_state_dict(
        {name.removeprefix(prefix): best[name] for name in best if name.startswith(prefix)}
    )
    return network.cpu().eval(), log.rounds


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Hides Lightning's messages and keeps it from ending the process at Ctrl-C.

    Afterwards, torch uses the algorithms that it used before.
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
