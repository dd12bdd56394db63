"""Backbones by name, the hash layer, the two heads, and the network they make."""

from dualhash.network.backbone import Backbone, BuiltBackbone
from dualhash.network.network import DualHashNetwork, Encoder, NetworkOutput
from dualhash.network.parameters import ParameterGroup, parameter_groups
from dualhash.network.registry import BACKBONES, build_backbone, describe_backbone

__all__ = [
    "BACKBONES",
    "Backbone",
    "BuiltBackbone",
    "DualHashNetwork",
    "Encoder",
    "NetworkOutput",
    "ParameterGroup",
    "build_backbone",
    "describe_backbone",
    "parameter_groups",
]
