"""Trains one network: the choice of alpha, the training itself, and its report."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dualhash.network import DualHashNetwork
from dualhash.progress import Display
from dualhash.training.data.training_data import TrainingData, iterations_of
from dualhash.training.export.backbone_weights import weights_hash
from dualhash.training.loop.callbacks import chosen_round
from dualhash.training.loop.choose_alpha import configured_alpha
from dualhash.training.loop.fill_attributes import fill_attributes
from dualhash.training.loop.fit_network import NetworkFit, TrainerOptions


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network.

    Attributes:
        data: The data it was trained on.
        network: In evaluation mode, with the weights of `chosen_round`.
        report: Seconds, counts and validation figures, for the model card.
    """

    data: TrainingData
    network: DualHashNetwork
    report: dict[str, Any]


def train_network(
    data: TrainingData, folder: Path, display: Display, options: TrainerOptions = TrainerOptions()
) -> TrainedNetwork:
    """Trains a network, or resumes from the checkpoints in `folder`.

    Args:
        data: Images, labels and settings.
        folder: Folder for checkpoints and logs.
        display: Shows progress.
        options: Devices and logs.
    """
    for note in data.plan.notes:
        display.remark(note)
    seconds = 0.0
    if data.config.fill_attributes:
        data, seconds = fill_attributes(data, folder, display, options)
    iterations = iterations_of(data)
    alpha, trials = configured_alpha(data, folder, display, options)
    network, rounds = NetworkFit(
        data, "training", folder, display, options, alpha, iterations
    ).run()
    report = {
        "seconds": seconds + rounds[-1]["seconds"],
        "iterations": iterations,
        "epochs": iterations * data.plan.size / len(data.training),
        "images": len(data.training),
        "validation_images": len(data.validation),
        "notes": (*data.notes, *data.plan.notes),
        "alpha": alpha,
        "alpha_trials": [asdict(trial) for trial in trials],
        "best": chosen_round(rounds, data.config.final_weights),
        "weights_hash": weights_hash(data.config.weights),
    }
    return TrainedNetwork(data, network, report)
