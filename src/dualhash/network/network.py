"""The network: from images to codes, categories and attributes."""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dualhash.network.backbone import Backbone, BuiltBackbone
from dualhash.network.cosine_head import CosineHead
from dualhash.network.feature_network import FeatureNetwork
from dualhash.network.finetuned_network import FinetunedNetwork
from dualhash.network.hash_layer import HashLayer, NoHashLayer
from dualhash.network.staged_network import Activations
from dualhash.network.straight_through_layer import StraightThroughLayer


class Normalise(nn.Module):
    """Normalises RGB values by the mean and deviation of a backbone; part of the exported graph."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: Backbone) -> None:
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(spec.mean).view(1, 3, 1, 1))
        self.register_buffer("std", 255 * torch.tensor(spec.std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Returns float32 (N, 3, H, W), channels last in memory, for uint8 (N, H, W, 3)."""
        return (images.permute(0, 3, 1, 2).to(self.mean.dtype) - self.mean) / self.std


AnyHashLayer = HashLayer | NoHashLayer | StraightThroughLayer


class ClassifierHead(nn.Linear):
    """Logits W r + b of m linear classifiers (equations 2 and 5); m may be 0.

    Maps outputs r (N, k) to logits (N, m). Weights (m, k) and biases (m,) start uniformly in
    ±1/sqrt(k), as those of any linear layer in PyTorch.
    """

    def reset_parameters(self) -> None:
        """Draws the parameters from torch's global generator."""
        bound = self.in_features**-0.5
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)


class NetworkOutput(NamedTuple):
    """Outputs of the network for N images, in float32.

    Attributes:
        outputs: Outputs r of the hash layer, (N, k) in [0, 1]; without a hash layer, the features.
        category_logits: (N, C).
        attribute_logits: (N, p); their sigmoids are the probabilities of the attributes.
    """

    outputs: Tensor
    category_logits: Tensor
    attribute_logits: Tensor


class DualHashNetwork(nn.Module):
    """Backbone, hash layer (equation 1), category head (2) and attribute head (5).

    New layers are drawn from torch's global generator: call `torch.manual_seed` first.

    Args:
        backbone: The feature extractor phi, or the code head above kept features.
        hash_layer: Maps features to the outputs that both heads read.
        categories: C; 0 without categories.
        attributes: p; 0 without attributes.
        cosine: Compare directions in the category head, as the cosine-margin loss needs it.
        category_bits: Number of leading bits that the category head reads; the attribute head reads
            the others. None: both heads read all bits.
        autocast: Number format of the backbone, such as `torch.bfloat16`; None for float32. The
            hash layer and the heads always use float32.
    """

    def __init__(
        self,
        backbone: BuiltBackbone | FeatureNetwork | FinetunedNetwork,
        hash_layer: AnyHashLayer,
        categories: int,
        attributes: int,
        *,
        cosine: bool = False,
        category_bits: int | None = None,
        autocast: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.normalise = (
            Normalise(backbone.spec) if isinstance(backbone, BuiltBackbone) else nn.Identity()
        )
        self.backbone = backbone
        self.hash_layer = hash_layer
        units = hash_layer.out_features
        self.category_bits = slice(category_bits)
        self.attribute_bits = slice(category_bits or 0, None)
        category_head = CosineHead if cosine else ClassifierHead
        self.category_head = category_head(category_bits or units, categories)
        self.attribute_head = ClassifierHead(units - (category_bits or 0), attributes)
        self.autocast = autocast

    def forward(self, inputs: Tensor | Activations) -> NetworkOutput:
        """Returns outputs and logits of inputs, as `features` takes them."""
        outputs: Tensor = self.hash_layer(self.features(inputs))
        return NetworkOutput(
            outputs,
            self.category_head(outputs[:, self.category_bits]),
            self.attribute_logits(outputs),
        )

    def attribute_logits(self, outputs: Tensor) -> Tensor:
        """Returns the logits (N, p) of outputs or bits, float32 (N, k)."""
        logits: Tensor = self.attribute_head(outputs[:, self.attribute_bits])
        return logits

    def features(self, inputs: Tensor | Activations) -> Tensor:
        """Returns the features phi(x), float32 (N, d).

        Args:
            inputs: RGB images, uint8 (N, H, W, 3), frozen activations, or kept features.
        """
        if isinstance(inputs, Activations):
            assert not isinstance(self.backbone, FeatureNetwork)
            with self._precision(inputs.maps.device.type):
                return self.backbone.upper(inputs).float()
        normalised = self.normalise(inputs)
        with self._precision(inputs.device.type):
            features: Tensor = self.backbone(normalised)
        return features.float()

    def codes_and_probabilities(self, output: NetworkOutput) -> tuple[Tensor, Tensor]:
        """Returns what searches use: bits (N, k) and attribute probabilities (N, p).

        The probabilities are read from the bits. Without a hash layer the features (N, d) take
        the place of the bits.
        """
        if isinstance(self.hash_layer, NoHashLayer):
            return output.outputs, output.attribute_logits.sigmoid()
        bits = output.outputs > 0.5
        return bits, self.attribute_logits(bits.float()).sigmoid()

    def _precision(self, device: str) -> AbstractContextManager[object]:
        return torch.autocast(device, self.autocast) if self.autocast else nullcontext()


class NetworkEncoder(nn.Sequential):
    """The part of a network that is exported: from images or kept features to outputs r (N, k).

    It shares its modules with the network. All of it computes in float32.
    """

    def __init__(self, network: DualHashNetwork) -> None:
        super().__init__(network.normalise, network.backbone, network.hash_layer)
