"""The hash layers by name."""

from collections.abc import Callable

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
"""Layers between backbone and heads, built from the numbers of features and bits; "none" ignores
the bits. Weights are drawn from torch's global generator. Further arguments of a class are
settings; their defaults are the values of its paper."""
