"""The hash layers by name."""

from collections.abc import Callable, Mapping

from dualhash.network.dnnh_layer import SliceLayer
from dualhash.network.hash_layer import HashLayer, NoHashLayer
from dualhash.network.hashnet_layer import ContinuationLayer
from dualhash.network.network import AnyHashLayer
from dualhash.network.straight_through_layer import StraightThroughLayer
from dualhash.registry import Registry

HASH_LAYERS: Registry[Callable[..., AnyHashLayer]] = Registry(
    "hash layer",
    {
        "sigmoid": HashLayer,
        "continuation": ContinuationLayer,
        "slices": SliceLayer,
        "straight-through": StraightThroughLayer,
        "none": lambda features, bits: NoHashLayer(features),
    },
)
"""Layers between backbone and heads, built from the numbers of features and bits. Further
arguments of a class are settings; their defaults are the values of its paper."""


def build_hash_layer(
    name: str, features: int, bits: int, settings: Mapping[str, object]
) -> AnyHashLayer:
    """Builds a hash layer; weights are drawn from torch's global generator.

    Args:
        name: A key of `HASH_LAYERS`, or the import path of a custom hash layer.
        features: d, the length of the backbone's features.
        bits: k; ignored by "none".
        settings: Values that replace the paper's, by name.

    Raises:
        DualhashError: The layer or a setting does not exist; the message lists similar names.
    """
    return HASH_LAYERS.build(name, settings, features, bits)
