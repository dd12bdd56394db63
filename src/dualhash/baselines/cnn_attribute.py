"""CNN-attribute: attributes predicted directly from the features of the backbone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dualhash.baselines.common.one_bit_per_attribute import calibrated_head, padded, unit_head
from dualhash.codes.linear_head import LinearHead
from dualhash.network import DualHashNetwork
from dualhash.training.calibrate import calibrate
from dualhash.training.data.training_labels import take
from dualhash.training.export.export_model import ExportedModel, validation_codes
from dualhash.training.export.onnx_export import export_checked
from dualhash.training.loop.train_network import TrainedNetwork
from dualhash.training.method import NetworkMethod


class AttributeEncoder(nn.Sequential):
    """From images or features to probabilities of attributes, float32 (N, length).

    Zeros pad them to the length.

    Args:
        network: A network without a hash layer.
        length: Number of outputs.
    """

    def __init__(self, network: DualHashNetwork, length: int) -> None:
        padding = nn.ConstantPad1d((0, length - network.attribute_head.out_features), 0.0)
        super().__init__(
            network.normalise, network.backbone, network.attribute_head, nn.Sigmoid(), padding
        )


def fit_unit_head(trained: TrainedNetwork, bits: int, first: int = 0) -> LinearHead:
    """Fits a head to units that are thresholded attribute probabilities, on validation images.

    Args:
        trained: A network without a hash layer.
        bits: k, length of the code.
        first: The unit of the first attribute.
    """
    data, network = trained.data, trained.network
    with torch.inference_mode():
        logits = [network(batch.inputs).attribute_logits for batch in data.validation_batches()]
    predicted: NDArray[np.bool_] = (torch.cat(logits) > 0).numpy()
    labels = take(data.labels, data.validation)
    head = calibrated_head(predicted, labels, bits, first)
    return replace(head, names=data.names.attributes)


@dataclass(frozen=True, kw_only=True)
class CnnAttribute(NetworkMethod):
    """A network without a hash layer, whose code consists of the predicted attributes."""

    def export(self, trained: Mapping[str, TrainedNetwork]) -> ExportedModel:
        """Exports a code with one bit per attribute, padded with zeros to a multiple of 8."""
        only = trained[""]
        attributes = len(only.data.names.attributes)
        length = padded(attributes)
        encoder = AttributeEncoder(only.network, length)
        graph, check = export_checked(encoder, only.data)
        heads = unit_head(0, length), fit_unit_head(only, length)
        bits, labels = validation_codes(encoder, only.data)
        return ExportedModel(
            encoder=graph,
            category_head=heads[0],
            attribute_head=heads[1],
            preprocessing=only.data.preprocessing,
            report={**only.report, "encoder": check},
            attribute_units=tuple(range(attributes)),
            vector_length=only.data.vector_length,
            **calibrate(bits, *heads, labels)._asdict(),
        )


CNN_ATTRIBUTE = CnnAttribute(
    title="CNN-attribute",
    paper="Liu, Wang, Shan and Chen, IJCV, section 4.3.2",
    year=2020,
    answers=frozenset({"attribute"}),
    labels="attribute",
    bits="one per attribute, padded with zeros to a multiple of 8",
    settings={
        "learns": "attribute",
        "hash_layer": "none",
        "hash_settings": {},
        "category_head": "linear",
        "category_loss": "softmax",
        "loss_settings": {},
        "alpha": 1.0,
    },
)
"""The attribute loss of DPH without a hash layer. Its real-valued outputs are probabilities."""
