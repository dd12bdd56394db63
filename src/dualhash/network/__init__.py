"""Backbones by name, the hash layer, the two heads, and the network they make."""

from dualhash.network.backbone import Backbone, BuiltBackbone
from dualhash.network.backbone_registry import BACKBONES, build_backbone, describe_backbone
from dualhash.network.hash_layer import HashLayer, NoHashLayer
from dualhash.network.hash_layer_registry import HASH_LAYERS, build_hash_layer
from dualhash.network.network import DualHashNetwork, Encoder, NetworkOutput
from dualhash.network.parameter_groups import ParameterGroup, parameter_groups
from dualhash.network.staged_network import Activations

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
