"""Whole recipes by name; the one place where their numbers stand."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from dualhash.errors import DualhashError, nearest
from dualhash.training.config import TrainConfig

SMALL_IMAGE = 100
"""Images whose longer side is below this many pixels are small."""

_PAPER: dict[str, Any] = {}  # The defaults of TrainConfig are the paper's for ImageNet-150K.

_RELEASED: dict[str, Any] = {
    "shuffled_images": 200,
    "schedule": "fixed",
    "lr_new": 1e-2,
    "lr_pretrained": 1e-3,
    "bias_lr_multiplier": 2.0,
    "decay_bias": False,
}

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Section 4.1: AlexNet from conv1 to fc7, 150,000 iterations.
        "paper-imagenet": _PAPER,
        # Section 4.1: the network of Yi et al. 2014 from conv1 to pool5. The paper first trains it
        # to tell faces; no such weights are published, so here it starts from scratch.
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
        # Images of under 100 pixels, from scratch. Batches are shuffled: class-aware ones see the
        # images of frequent categories too rarely (benchmarks/README.md has both courses).
        "small": {
            "backbone": "resnet18-half",
            "pretrained": False,
            "alpha": 0.2,
            "alpha_spares_head": True,
            "nesterov": True,
            "lr_new": 0.1,
            "lr_pretrained": 0.1,
            "weight_decay": 5e-4,
            "decay_bias": False,
            "schedule": "one-cycle",
            "shuffled_images": 128,
            "iterations": 6_000,
            "crop_padding": 4,
        },
        # Larger images, from weights that install with the package.
        "photo": {
            "backbone": "efficientnet-lite0",
            "alpha": 0.3,
            "alpha_spares_head": True,
            "nesterov": True,
            "lr_new": 0.1,
            "lr_pretrained": 0.01,
            "weight_decay": 1e-4,
            "decay_bias": False,
            "schedule": "one-cycle",
            "epochs": 10,
        },
    }
)


def preset_config(preset: str, **settings: object) -> TrainConfig:
    """The recipe `preset`, with `settings` in place of its own values.

    Giving `epochs` drops the preset's `iterations`, and the other way round.

    Raises:
        DualhashError: An unknown preset or setting (the nearest known are named), or a value
            that a setting cannot take.
    """
    if preset not in PRESETS:
        raise DualhashError(f"There is no preset {preset!r}. {nearest(preset, PRESETS)}")
    for name in settings:
        if name not in TrainConfig.model_fields:
            known = nearest(name, TrainConfig.model_fields)
            raise DualhashError(f"There is no training setting {name!r}. {known}")
    recipe = {**PRESETS[preset], "preset": preset}
    for given, dropped in (("epochs", "iterations"), ("iterations", "epochs")):
        if settings.get(given) is not None:
            recipe.pop(dropped, None)
    try:
        return TrainConfig(**recipe | settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][:1])
        said = first["msg"].removeprefix("Value error, ")
        raise DualhashError(
            f"The training setting {where} cannot be used: {said}." if where else f"{said}."
        ) from error


def preset_for(longer_side: float) -> str:
    """The preset for images whose longer side has so many pixels."""
    return "small" if longer_side < SMALL_IMAGE else "photo"
