"""Fetching the weights that torchvision's hub keeps."""

from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import nn
from torchvision.models import WeightsEnum

from dualhash.network.weights_download import fetching

LICENCE = "not stated by torchvision; its code is BSD-3-Clause, the images were ImageNet's"


def load_torchvision(module: nn.Module, name: str, weights: WeightsEnum) -> None:
    """Fills `module` with `weights`.

    Raises:
        DualhashError: The weights are neither cached nor reachable.
    """
    file = Path(urlparse(weights.url).path).name
    with fetching(name, source=weights.url, cache=Path(torch.hub.get_dir()) / "checkpoints" / file):
        state = weights.get_state_dict(
            progress=False, check_hash=True, map_location="cpu", weights_only=True
        )
    module.load_state_dict(state)
