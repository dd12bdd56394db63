"""Groups of parameters that share a learning rate and a weight decay."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from dualhash.network.network import DualHashNetwork

Role = Literal["pretrained", "new", "attribute head"]
Kind = Literal["weight", "bias/norm"]


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate and a weight decay.

    Attributes:
        role: `pretrained` for loaded weights of a backbone, `attribute head`, or `new` for all
            other parameters.
        kind: `bias/norm` for biases and scales of normalisation layers, `weight` for the rest.
        parameters: At least one, in the order of the network.
    """

    role: Role
    kind: Kind
    parameters: tuple[nn.Parameter, ...]


def parameter_groups(network: DualHashNetwork) -> list[ParameterGroup]:
    """Returns the trained parameters in groups, each parameter in one; no group is empty.

    The paper trains new layers at ten times the rate of pretrained ones (section 4.1). The
    released code trains biases at twice the rate of their layer and without weight decay.
    """
    groups: dict[tuple[Role, Kind], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        loaded = network.backbone.pretrained and name.startswith("backbone.")
        head = name.startswith("attribute_head.")
        role: Role = "pretrained" if loaded else "attribute head" if head else "new"
        kind: Kind = "bias/norm" if parameter.ndim <= 1 else "weight"
        groups.setdefault((role, kind), []).append(parameter)
    return [ParameterGroup(*key, tuple(parameters)) for key, parameters in groups.items()]
