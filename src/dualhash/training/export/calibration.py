"""What is fitted on validation images when a network is trained."""

import math

import torch

from dualhash.evaluation.weighted import choose_soft
from dualhash.network import DualHashNetwork
from dualhash.training.data.training_data import TrainingSet
from dualhash.training.data.training_labels import take


def calibrate(network: DualHashNetwork, data: TrainingSet) -> dict[str, float]:
    """How much probabilities weigh in soft searches, `soft`, where the labels allow to choose it.

    Args:
        network: Trained, in evaluation mode.
        data: Of which the validation images are used.
    """
    with torch.inference_mode():
        outputs = [network(batch.inputs).outputs for batch in data.validation_batches()]
        bits = torch.cat(outputs) > 0.5
        scores = network.attribute_head(bits.float())
    soft = choose_soft(bits.numpy(), scores.numpy(), take(data.labels, data.validation))
    return {} if math.isnan(soft) else {"soft": soft}
