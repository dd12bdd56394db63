"""CNN-attribute: attributes straight from the backbone's features."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dualhash.baselines.attribute_units import calibrated_head, padded
from dualhash.baselines.deep_method import DeepMethod
from dualhash.codes.linear_head import LinearHead
from dualhash.network import DualHashNetwork
from dualhash.training.config import TrainConfig
from dualhash.training.data.training_labels import take
from dualhash.training.export.exported_model import Assembly, ExportPlan
from dualhash.training.loop.train_network import Learned


class AttributeEncoder(nn.Module):
    """Probabilities of attributes as outputs, then zeros up to a length.

    Args:
        network: Without a hash layer.
        length: Of the outputs.
    """

    def __init__(self, network: DualHashNetwork, length: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(network.normalise, network.backbone, network.attribute_head)
        self.spare = length - network.attribute_head.out_features

    def forward(self, images: Tensor) -> Tensor:
        """Outputs in [0, 1], float32 (N, length), of RGB images, uint8 (N, H, W, 3)."""
        return nn.functional.pad(self.layers(images).sigmoid(), (0, self.spare))


def read_units(learned: Learned, bits: int, first: int = 0) -> LinearHead:
    """The head that reads attributes from units which are their probabilities, thresholded.

    It is fitted on the validation images.

    Args:
        learned: Of a network without a hash layer.
        bits: k, length of the code that the units are in.
        first: The unit of the first attribute.
    """
    data, network = learned.task.data, learned.fitted.network
    with torch.inference_mode():
        logits = [network(batch.inputs).attribute_logits for batch in data.validation_batches()]
    told: NDArray[np.bool_] = (torch.cat(logits) > 0).numpy()
    return calibrated_head(told, take(data.labels, data.validation), bits, first)


def assemble(config: TrainConfig, learned: Mapping[str, Learned]) -> Assembly:
    """A code that consists of the predicted attributes, and zeros up to a multiple of 8."""
    (only,) = learned.values()
    attributes = len(only.task.names.attributes)
    length = padded(attributes)
    head = read_units(only, length)
    return Assembly(
        encoder=AttributeEncoder(only.fitted.network, length),
        bits=length,
        names=only.task.names,
        tensors={
            "category_head.weight": np.zeros((0, length), np.float32),
            "category_head.bias": np.zeros(0, np.float32),
            "attribute_head.weight": head.weight,
            "attribute_head.bias": head.bias,
        },
        report=only.report,
        attribute_units=tuple(range(attributes)),
    )


CNN_ATTRIBUTE = DeepMethod(
    name="cnn-attribute",
    title="CNN-attribute",
    paper="Liu, Wang, Shan and Chen, IJCV, section 4.3.2",
    year=2020,
    answers=frozenset({"attribute"}),
    labels="attribute",
    bits="one an attribute, and zeros up to a multiple of 8",
    settings=MappingProxyType(
        {
            "learns": "attribute",
            "hash_layer": "none",
            "hash_settings": {},
            "category_loss": "softmax",
            "loss_settings": {},
            "alpha": 1.0,
        }
    ),
    plan=ExportPlan(lambda config, attributes: {"": config}, assemble),
)
"""The attribute loss of DPH without a code below it; its real outputs are the probabilities."""
