"""The whole network: images to codes, categories and attributes."""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dualhash.network.backbone import BuiltBackbone
from dualhash.network.hash_layer import HashLayer, NoHashLayer
from dualhash.network.heads import AttributeHead, CategoryHead
from dualhash.network.normalise import Normalise
from dualhash.network.staged_network import Activations


class NetworkOutput(NamedTuple):
    """What the network says of N images, all in float32.

    Attributes:
        outputs: (N, k) in [0, 1], the binary-like codes r; without a hash layer the features.
        category_logits: (N, C).
        attribute_logits: (N, p).
    """

    outputs: Tensor
    category_logits: Tensor
    attribute_logits: Tensor


class DualHashNetwork(nn.Module):
    """Backbone, hash layer (equation 1), category head (2) and attribute head (5).

    New layers are drawn from torch's global generator: call `torch.manual_seed` before.

    Args:
        backbone: The feature extractor phi.
        hash_layer: From features to outputs, which both heads read.
        categories: C; 0 where no categories are known.
        attributes: p; 0 where no attributes are known.
        autocast: The type in which the backbone alone computes, such as `torch.bfloat16`; the hash
            layer and the heads stay in float32. None for float32 throughout.
    """

    def __init__(
        self,
        backbone: BuiltBackbone,
        hash_layer: HashLayer | NoHashLayer,
        categories: int,
        attributes: int,
        *,
        autocast: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalise = Normalise(backbone.spec)
        self.backbone = backbone
        self.hash_layer = hash_layer
        self.category_head = CategoryHead(hash_layer.out_features, categories)
        self.attribute_head = AttributeHead(hash_layer.out_features, attributes)
        self.autocast = autocast

    def forward(self, inputs: Tensor | Activations) -> NetworkOutput:
        """Outputs and logits of RGB images, uint8 (N, H, W, 3), or of their frozen activations."""
        if isinstance(inputs, Activations):
            with self._precision(inputs.maps.device.type):
                features: Tensor = self.backbone.upper(inputs)
        else:
            normalised = self.normalise(inputs)
            with self._precision(inputs.device.type):
                features = self.backbone(normalised)
        outputs: Tensor = self.hash_layer(features.float())
        return NetworkOutput(outputs, self.category_head(outputs), self.attribute_head(outputs))

    def retrieved(self, output: NetworkOutput) -> tuple[Tensor, Tensor]:
        """What searches go by: codes (N, k) and attribute probabilities (N, p).

        These are bits and what is read from the bits; without a hash layer the features
        themselves, (N, d) float32, and what is read from them.
        """
        if isinstance(self.hash_layer, NoHashLayer):
            return output.outputs, output.attribute_logits.sigmoid()
        bits = output.outputs > 0.5
        return bits, self.attribute_head(bits.float()).sigmoid()

    def _precision(self, device: str) -> AbstractContextManager[object]:
        return torch.autocast(device, self.autocast) if self.autocast else nullcontext()


class Encoder(nn.Module):
    """What is exported for use without torch: images to outputs, in float32 throughout.

    It shares its modules with the network it is made from.
    """

    def __init__(self, network: DualHashNetwork) -> None:
        super().__init__()
        self.layers = nn.Sequential(network.normalise, network.backbone, network.hash_layer)

    def forward(self, images: Tensor) -> Tensor:
        """Outputs r in [0, 1], float32 (N, k), of RGB images, uint8 (N, H, W, 3)."""
        outputs: Tensor = self.layers(images)
        return outputs
