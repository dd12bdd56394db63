"""The network: a backbone, a hash layer and two heads.

In: names of backbones and hash layers; images as torch tensors.
Out: `torch.nn` modules.
May import: the packages up to `features`.
"""

from dualhash.network.backbone import Backbone, BuiltBackbone
from dualhash.network.backbone_registry import BACKBONES, build_backbone, describe_backbone
from dualhash.network.cosine_head import CosineHead
from dualhash.network.feature_network import CODE_HEADS, FeatureNetwork, HiddenLayer
from dualhash.network.finetuned_network import FinetunedNetwork
from dualhash.network.hash_layer import HashLayer, NoHashLayer
from dualhash.network.hash_layer_registry import HASH_LAYERS
from dualhash.network.network import ClassifierHead, DualHashNetwork, NetworkEncoder, Normalise
from dualhash.network.parameter_groups import parameter_groups
from dualhash.network.staged_network import Activations

__all__ = [
    "BACKBONES",
    "CODE_HEADS",
    "HASH_LAYERS",
    "Activations",
    "Backbone",
    "BuiltBackbone",
    "ClassifierHead",
    "CosineHead",
    "DualHashNetwork",
    "FeatureNetwork",
    "FinetunedNetwork",
    "HashLayer",
    "HiddenLayer",
    "NetworkEncoder",
    "NoHashLayer",
    "Normalise",
    "build_backbone",
    "describe_backbone",
    "parameter_groups",
]
