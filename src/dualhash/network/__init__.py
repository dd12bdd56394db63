"""Backbones by name, the hash layer, the two heads, and the network they make."""

from dualhash.network.backbone import Backbone, BuiltBackbone
from dualhash.network.frozen_stages import Activations
from dualhash.network.hash_layer import HashLayer, NoHashLayer
from dualhash.network.hash_layers import HASH_LAYERS, build_hash_layer
from dualhash.network.network import DualHashNetwork, Encoder, NetworkOutput
from dualhash.network.parameters import ParameterGroup, parameter_groups
from dualhash.network.registry import BACKBONES, build_backbone, describe_backbone

__all__ = [
    "BACKBONES",
    "HASH_LAYERS",
    "Activations",
    "Backbone",
    "BuiltBackbone",
    "DualHashNetwork",
    "Encoder",
    "HashLayer",
    "NetworkOutput",
    "NoHashLayer",
    "ParameterGroup",
    "build_backbone",
    "build_hash_layer",
    "describe_backbone",
    "parameter_groups",
]
