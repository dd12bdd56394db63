"""Any network of timm, as `timm:NAME`."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
from huggingface_hub.constants import HF_HUB_CACHE
from torch import nn

from dualhash.errors import DualhashError, nearest
from dualhash.features.timm_networks import PREFIX, timm_model
from dualhash.network.backbone import Backbone
from dualhash.network.weights_download import downloading


def timm_backbone(name: str) -> Backbone:
    """Returns the description of `timm:NAME`, NAME as in `timm.list_models(pretrained=True)`.

    Raises:
        DualhashError: timm has no network or no weights with that name.
    """
    model = timm_model(name)
    try:
        config: Any = timm.get_pretrained_cfg(model, allow_unregistered=False)
    except RuntimeError as error:
        architecture = model.partition(".")[0]
        tagged = [known for known in timm.list_pretrained() if known.startswith(architecture + ".")]
        raise DualhashError(f"timm has no weights {model!r}. {nearest(model, tagged)}") from error
    input_size = tuple(config.input_size[1:])
    return Backbone(
        name=name,
        summary=f"timm's {model} without its classifier.",
        input_size=input_size,
        resize=tuple(round(side / config.crop_pct) for side in input_size),
        mean=config.mean,
        std=config.std,
        weights=f"timm hub: {config.hf_hub_id or config.url}" if config.has_weights else None,
        licence=(config.license or "not stated by timm") if config.has_weights else None,
        pretrained_layers="all but the classifier" if config.has_weights else None,
        build=partial(_build, name),
    )


def _build(name: str, pretrained: bool) -> nn.Module:
    model = name.removeprefix(PREFIX)
    with downloading(name, source=f"timm's weights {model!r}", cache=Path(HF_HUB_CACHE)):
        network: nn.Module = timm.create_model(model, pretrained=pretrained, num_classes=0)
    return network
