"""What is fitted on validation images when a network is trained."""

import math

import torch

from dualhash.evaluation.weighted_retrieval import choose_attribute_weight
from dualhash.network import DualHashNetwork
from dualhash.training.data.training_data import TrainingSet
from dualhash.training.data.training_labels import take


def calibrate(network: DualHashNetwork, data: TrainingSet) -> dict[str, float]:
    """Returns the `attribute_weight` of weighted searches, if the labels suffice to choose it.

    Args:
        network: Trained, in evaluation mode.
        data: Of which the validation images are used.
    """
    with torch.inference_mode():
        outputs = [network(batch.inputs).outputs for batch in data.validation_batches()]
        bits = torch.cat(outputs) > 0.5
        scores = network.attribute_head(bits.float())
    attribute_weight = choose_attribute_weight(
        bits.numpy(), scores.numpy(), take(data.labels, data.validation)
    )
    return {} if math.isnan(attribute_weight) else {"attribute_weight": attribute_weight}
