"""Presets: complete sets of training settings, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from dualhash.errors import DualhashError, nearest
from dualhash.search.request import sentence
from dualhash.training.config import TrainConfig

_PAPER: dict[str, Any] = {}  # The defaults of TrainConfig are the paper's for ImageNet-150K.

_RELEASED: dict[str, Any] = {
    "shuffled_images": 200,
    "schedule": "fixed",
    "lr_new": 1e-2,
    "lr_pretrained": 1e-3,
    "bias_lr_multiplier": 2.0,
    "decay_bias": False,
}

_ONE_CYCLE: dict[str, Any] = {
    "schedule": "one-cycle",
    "lr_new": 0.1,
    "nesterov": True,
    "decay_bias": False,
    "alpha_spares_head": True,
}

# A code head on the features of a frozen network, for images of any size.
_FEATURES: dict[str, Any] = {
    "features": "efficientnet-lite0",
    "hash_layer": "straight-through",
    "category_head": "cosine",
    "category_loss": "cosine-margin",
    "alpha": 0.5,
    "optimiser": "adamw",
    "lr_new": 4e-3,
    "weight_decay": 1e-2,
    "decay_bias": False,
    "schedule": "one-cycle",
    "shuffled_images": 512,
    "head_settings": {"dropout": 0.3},
    "epochs": 15,
    "min_iterations": 300,
    "validation_every": 100,
    # The rate ends near 0, so earlier rounds are better only by chance.
    "final_weights": "last",
}

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Section 4.1: AlexNet from conv1 to fc7, 150,000 iterations.
        "paper-imagenet": _PAPER,
        # Section 4.1: the network of Yi et al. 2014 from conv1 to pool5. The paper first trains it
        # on faces. These weights are not published, so here it starts from scratch.
        "paper-cfw": _PAPER | {"backbone": "face10", "pretrained": False},
        # The solver and network files of the released code.
        "released-imagenet": _RELEASED | {"iterations": 29_600},
        "released-cfw": _RELEASED
        | {
            "backbone": "face10",
            "pretrained": False,
            "iterations": 27_500,
            "mirror": False,
            "random_crop": False,
        },
        # Images under 100 pixels, from scratch. Batches are shuffled, because class-aware batches
        # show frequent categories too rarely (benchmarks/README.md has both learning curves).
        "small": _ONE_CYCLE
        | {
            "backbone": "resnet18-half",
            "pretrained": False,
            "alpha": 0.2,
            "lr_pretrained": 0.1,
            "weight_decay": 5e-4,
            "shuffled_images": 128,
            "iterations": 6_000,
            "crop_padding": 4,
        },
        "features": _FEATURES,
        # Beyond the paper: category and attributes have bits of their own, a larger margin, and
        # predicted attributes of images that have none.
        "dph+": _FEATURES
        | {"category_share": 0.5, "loss_settings": {"margin": 0.5}, "fill_attributes": True},
    }
)


SETTINGS_OF = {
    "code_head": "head_settings",
    "hash_layer": "hash_settings",
    "category_loss": "loss_settings",
}
"""Settings that belong to what another setting names."""


def preset_config(preset: str, **settings: object) -> TrainConfig:
    """Returns the settings of a preset, with `settings` replacing some of them.

    `epochs` replaces the preset's `iterations`, and the other way round. Another code head, hash
    layer or category loss does not take the preset's settings for it.

    Raises:
        DualhashError: The preset or a setting is unknown (the message lists similar names), or a
            value is not allowed.
    """
    if preset not in PRESETS:
        raise DualhashError(f"There is no preset {preset!r}. {nearest(preset, PRESETS)}")
    for name in settings:
        if name not in TrainConfig.model_fields:
            known = nearest(name, TrainConfig.model_fields)
            raise DualhashError(f"There is no training setting {name!r}. {known}")
    values = {**PRESETS[preset], "preset": preset}
    for length, other in (("epochs", "iterations"), ("iterations", "epochs")):
        if settings.get(length) is not None:
            values.pop(other, None)
    for entry in SETTINGS_OF.keys() & settings.keys():  # the preset's are those of another entry
        values.pop(SETTINGS_OF[entry], None)
    try:
        return TrainConfig(**values | settings)
    except ValidationError as error:
        message = sentence(error.errors()[0], TrainConfig.model_fields, "setting")
        raise DualhashError(message) from error
