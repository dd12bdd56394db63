"""Predicts the attribute labels that training images do not have.

Images with attribute labels train a network without a code first, as CNN-attribute does. Its
probabilities then stand for the missing labels (pseudo-labels: Lee, ICML workshop 2013; soft and
from a more strongly regularised network: Xie et al., CVPR 2020).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.network import DualHashNetwork
from dualhash.progress import Display
from dualhash.training.config import TrainConfig
from dualhash.training.data.batch_sampler import plan_batches
from dualhash.training.data.training_data import TrainingData, iterations_of
from dualhash.training.loop.fit_network import NetworkFit, TrainerOptions

FOLDER = "attribute-network"
"""Folder of the checkpoints of the network that predicts the labels."""

DROPOUT = 0.7
"""Its dropout: fewer images have attribute labels, so it overfits sooner."""

PREDICTED_AT_ONCE = 2_048


def fill_attributes(
    data: TrainingData, folder: Path, display: Display, options: TrainerOptions
) -> tuple[TrainingData, float]:
    """Returns the data with probabilities for missing attribute labels, and the seconds it took.

    Nothing changes if no label of a training image is missing, or if all are.

    Args:
        data: Images, labels and settings.
        folder: Folder for checkpoints; a training that was stopped continues from there.
        display: Shows progress.
        options: Devices and logs.
    """
    observed = data.labels.observed[data.training]
    if observed.all() or not observed.any():
        return data, 0.0
    labelled = _with_attributes_alone(data)
    network, rounds = NetworkFit(
        labelled,
        "attributes of images without them",
        folder / FOLDER,
        display,
        options,
        alpha=1.0,
        iterations=iterations_of(labelled),
    ).run()
    filled = np.zeros(data.labels.attributes.shape, np.float16)
    for start in range(0, len(data.training), PREDICTED_AT_ONCE):
        rows = data.training[start : start + PREDICTED_AT_ONCE]
        filled[rows] = _probabilities(network, data, rows)
    return replace(data, filled=filled), float(rounds[-1]["seconds"])


def attribute_config(config: TrainConfig) -> TrainConfig:
    """Returns the settings of the network that predicts the labels.

    The loss has no weights, because labels must be probabilities: weights would make an attribute
    that few images have as probable as not.
    """
    settings: dict[str, Any] = {
        "learns": "attribute",
        "hash_layer": "none",
        "hash_settings": {},
        "category_head": "linear",
        "category_loss": "softmax",
        "loss_settings": {},
        "attribute_loss": "cross-entropy",
    }
    if "dropout" in config.head_settings:
        settings["head_settings"] = {**config.head_settings, "dropout": DROPOUT}
    return config.model_copy(update=settings)


def _with_attributes_alone(data: TrainingData) -> TrainingData:
    """The data without categories, and without images that have no attribute label."""
    config, labels = attribute_config(data.config), data.labels
    has_attributes = np.asarray(labels.observed.any(axis=1))
    training = data.training[has_attributes[data.training]]
    labels = TrueLabels(np.full_like(labels.categories, MISSING), *labels[1:])
    return replace(
        data,
        config=config,
        names=replace(data.names, categories=()),
        labels=labels,
        training=training,
        validation=data.validation[has_attributes[data.validation]],
        plan=plan_batches(labels.categories[training], labels.observed[training], config),
    )


@torch.inference_mode()
def _probabilities(
    network: DualHashNetwork, data: TrainingData, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """The probabilities of the attributes of rows, (n, p)."""
    logits = network(data.batch(rows).inputs).attribute_logits
    return np.asarray(logits.float().sigmoid().numpy(), np.float32)
