"""The code head: the network between features that are kept on disk and the hash layer."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from dualhash.errors import DualhashError
from dualhash.registry import Registry

LEAST_DEVIATION = 1e-3
"""Features that vary less than this are not scaled up further."""


class HiddenLayer(nn.Sequential):
    """One hidden layer with batch normalisation, GELU and dropout.

    Args:
        features: d, the length of its input.
        units: Number of units; 0 passes the features on.
        dropout: Share of the units that are dropped in training, in [0, 1).
    """

    def __init__(self, features: int, units: int = 1024, dropout: float = 0.2) -> None:
        super().__init__()
        if units:
            self.append(nn.Linear(features, units))
            self.append(nn.BatchNorm1d(units))
            self.append(nn.GELU())
            self.append(nn.Dropout(dropout))


CODE_HEADS: Registry[Callable[..., nn.Module]] = Registry(
    "code head", {"hidden-layer": HiddenLayer}
)
"""Code heads, built from the number of features. A code head maps standardised features, float32
(N, d), to (N, m). Further arguments are settings."""


class FeatureNetwork(nn.Module):
    """Standardised features and a code head.

    It takes the place of a backbone in a network that learns from kept features.

    Args:
        features: Features (n, d) of training images, which give their mean and deviation.
        name: A key of `CODE_HEADS`, or the import path of a custom code head.
        settings: Settings of the code head.

    Raises:
        DualhashError: The code head or a setting does not exist, or its output is not (n, m).
    """

    mean: Tensor
    std: Tensor
    pretrained = False

    def __init__(
        self, features: Tensor, name: str = "hidden-layer", settings: Mapping[str, object] = {}
    ) -> None:
        super().__init__()
        std, mean = torch.std_mean(features.double(), dim=0, correction=0)
        self.register_buffer("mean", mean.float())
        self.register_buffer("std", std.float().clamp(min=LEAST_DEVIATION))
        self.head = CODE_HEADS.build(name, settings, features.shape[1])
        with torch.no_grad():
            shape = self.eval()(features[:2]).shape
        if shape[:-1] != (len(features[:2]),):
            raise DualhashError(
                f"The code head {name!r} maps features {tuple(features[:2].shape)} to "
                f"{tuple(shape)}; it must give one vector per image, (N, m)."
            )
        self.feature_size = shape[-1]
        self.train()

    def forward(self, features: Tensor) -> Tensor:
        """Returns float32 (N, m) for features (N, d) of any float width."""
        hidden: Tensor = self.head((features.float() - self.mean) / self.std)
        return hidden
