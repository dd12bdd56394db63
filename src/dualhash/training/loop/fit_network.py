"""One run of the Lightning trainer; it resumes from the last checkpoint."""

import copy
import logging
import math
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy

from dualhash.losses import ATTRIBUTE_LOSSES, JointLoss, build_category_loss
from dualhash.network import DualHashNetwork
from dualhash.progress import Display
from dualhash.training.data.training_data import RepeatableBatches, TrainingData
from dualhash.training.initial_network import initial_network
from dualhash.training.loop.callbacks import ProgressCallback, Round, RoundLog
from dualhash.training.loop.checkpoints import BEST, LAST, SafeCheckpointIO, load_checkpoint
from dualhash.training.loop.lightning_module import DualHashModule
from dualhash.training.loop.processes import run_processes


@dataclass(frozen=True)
class TrainerOptions:
    """What does not change the model.

    Attributes:
        tensorboard: Also log for TensorBoard.
        devices: Number of GPUs, or without any, of processes.
    """

    tensorboard: bool = False
    devices: int = 1


@dataclass(frozen=True)
class NetworkFit:
    """Trains a network, or continues from the last checkpoint in `folder`.

    Attributes:
        data: Images, labels and settings.
        title: Shown with the progress.
        folder: Folder for checkpoints and logs.
        display: Shows progress.
        options: Devices and logs.
        alpha: Weight of the attributes in equation 8.
        iterations: Total number of batches.
        before: Batches of earlier trainings that the shown progress includes.
        total: Batches of all trainings that it includes; None for this one alone.
        start: The network to train on; None begins with a new one.
    """

    data: TrainingData
    title: str
    folder: Path
    display: Display
    options: TrainerOptions
    alpha: float
    iterations: int
    before: int = 0
    total: int | None = None
    start: DualHashNetwork | None = None

    def run(self) -> tuple[DualHashNetwork, list[Round]]:
        """Trains on all devices.

        Returns:
            The network with the weights of `chosen_round`, in evaluation mode, and the
            figures of all rounds.
        """
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(self.data.config.seed)
            module = self._module()
            if self.options.devices == 1:
                self._train(module, 0)
            else:
                run_processes(partial(self._train, module), self.options.devices)
        module.load_state_dict(load_checkpoint(self.folder / BEST)["state_dict"])
        rounds = load_checkpoint(self.folder / LAST)["callbacks"][RoundLog.__name__]["rounds"]
        return module.network.cpu().eval(), rounds

    def _module(self) -> DualHashModule:
        data, config = self.data, self.data.config
        network = self.start or initial_network(
            config, data.preprocessing, data.names, data.feature_sample
        )
        category_loss = build_category_loss(
            config.category_loss,
            config.loss_settings,
            bits=network.category_bits.stop or network.hash_layer.out_features,
            categories=len(data.names.categories),
        )
        attribute_loss = ATTRIBUTE_LOSSES.build(config.attribute_loss, {}, data.counts)
        loss = JointLoss(category_loss, attribute_loss, self.alpha)
        return DualHashModule(network, loss, config, self.iterations)

    def _train(self, module: DualHashModule, rank: int) -> None:
        """Trains on one of the devices."""
        data, config, last = self.data, self.data.config, self.folder / LAST
        devices, tensorboard = self.options.devices, self.options.tensorboard
        first = load_checkpoint(last)["global_step"] if last.exists() else 0
        part = slice(rank, None, devices)
        stream = data.training_batches(first, self.iterations, part)
        display = Display(quiet=True) if rank else self.display
        with _quiet_lightning(), display.bar(self.title) as step:
            progress = ProgressCallback(display, step, self.before, self.total or self.iterations)
            trainer = Trainer(
                max_epochs=math.ceil(self.iterations / config.validation_every),
                devices=devices,
                strategy="auto" if devices == 1 else DDPStrategy(find_unused_parameters=True),
                deterministic="warn",
                callbacks=[progress, RoundLog(self.folder, config.final_weights)],
                plugins=[SafeCheckpointIO(), LightningEnvironment()],
                logger=TensorBoardLogger(self.folder, "tensorboard", "") if tensorboard else False,
                log_every_n_steps=1,
                default_root_dir=self.folder,
                num_sanity_val_steps=0,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                use_distributed_sampler=False,
            )
            trainer.fit(
                copy.deepcopy(module),  # processes share the memory of tensors that they receive
                RepeatableBatches(lambda: islice(stream, config.validation_every)),
                RepeatableBatches(lambda: data.validation_batches(part)),
                ckpt_path=last if last.exists() else None,
            )


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
