"""The network at the start of a training, as the configuration describes it."""

from typing import Literal

import torch
from torch import Tensor

from dualhash.catalogue.catalogue import LabelNames
from dualhash.catalogue.images import Preprocessing
from dualhash.losses import ATTRIBUTE_LOSSES, CATEGORY_LOSSES
from dualhash.network import (
    CODE_HEADS,
    HASH_LAYERS,
    BuiltBackbone,
    DualHashNetwork,
    FeatureNetwork,
    build_backbone,
    describe_backbone,
)
from dualhash.training.config import TrainConfig
from dualhash.training.export.backbone_weights import load_weights

LEAST_BITS = 8
"""Shares of the bits are multiples of this."""


def check_entries(config: TrainConfig) -> None:
    """Checks that everything that the settings name exists.

    Raises:
        DualhashError: Something does not, or does not have one of the settings.
    """
    if config.features is None:
        describe_backbone(config.backbone)
    CODE_HEADS.find(config.code_head, config.head_settings)
    HASH_LAYERS.find(config.hash_layer, config.hash_settings)
    CATEGORY_LOSSES.find(config.category_loss, config.loss_settings)
    ATTRIBUTE_LOSSES.find(config.attribute_loss)


def initial_network(
    config: TrainConfig,
    preprocessing: Preprocessing | None,
    names: LabelNames,
    features: Tensor | None = None,
) -> DualHashNetwork:
    """Builds the network; new layers are drawn from torch's global generator.

    Args:
        config: The settings.
        preprocessing: Sizes of the images, if a backbone is trained.
        names: Labels that the heads predict.
        features: Kept features (n, d) of some training images; None to train a backbone.
    """
    backbone = initial_layers(config, preprocessing, features)
    hash_layer = HASH_LAYERS.build(
        config.hash_layer, config.hash_settings, backbone.feature_size, config.bits
    )
    network = DualHashNetwork(
        backbone,
        hash_layer,
        len(names.categories),
        len(names.attributes),
        cosine=config.category_head == "cosine",
        category_bits=category_bits(config, names),
        autocast=autocast_type(config.precision) if features is None else None,
    )
    return network.to(memory_format=torch.channels_last)


def category_bits(config: TrainConfig, names: LabelNames) -> int | None:
    """Returns how many leading bits belong to the category; None if both heads read all bits.

    Bits are shared out only if the code is to predict both kinds of labels.
    """
    if config.category_share is None or not (names.categories and names.attributes):
        return None
    if config.bits < 2 * LEAST_BITS:
        return None
    bits = LEAST_BITS * round(config.category_share * config.bits / LEAST_BITS)
    return min(max(bits, LEAST_BITS), config.bits - LEAST_BITS)


def initial_layers(
    config: TrainConfig, preprocessing: Preprocessing | None, features: Tensor | None
) -> BuiltBackbone | FeatureNetwork:
    """Builds what is below the hash layer, from the arguments of `initial_network`."""
    if features is None:
        assert preprocessing is not None
        return initial_backbone(config, preprocessing.crop)
    return FeatureNetwork(features, config.code_head, config.head_settings)


def initial_backbone(config: TrainConfig, crop: tuple[int, int]) -> BuiltBackbone:
    """Builds the backbone, loads its weights and freezes its leading stages."""
    published = config.pretrained and config.weights is None
    backbone = build_backbone(config.backbone, pretrained=published, input_size=crop)
    if config.weights is not None:
        load_weights(config.weights, backbone)
    backbone.freeze(config.frozen_stages)
    return backbone


def autocast_type(precision: Literal["auto", "bf16", "fp32"]) -> torch.dtype | None:
    """Returns bfloat16, or None for float32; "auto" needs bfloat16 in hardware."""
    if precision == "auto":
        return torch.bfloat16 if _has_bfloat16() else None
    return torch.bfloat16 if precision == "bf16" else None


def _has_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return False  # oneDNN would only emulate it, slower than float32
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
