"""The parameters in groups that learn alike."""

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
        role: `pretrained` for a backbone's loaded weights, `attribute head`, or `new` for all else
            that starts at random.
        kind: `bias/norm` for biases and the scales of normalisations, `weight` for the rest.
        parameters: At least one, in the network's order.
    """

    role: Role
    kind: Kind
    parameters: tuple[nn.Parameter, ...]


def parameter_groups(network: DualHashNetwork) -> list[ParameterGroup]:
    """Every parameter that is trained in exactly one group; groups without any are left out.

    The paper learns new layers at ten times the rate of pretrained ones (section 4.1); the
    released code learns biases at twice their layer's rate and without weight decay.
    """
    groups: dict[tuple[Role, Kind], list[nn.Parameter]] = {}
    trained = (item for item in network.named_parameters() if item[1].requires_grad)
    for name, parameter in trained:
        loaded = network.backbone.pretrained and name.startswith("backbone.")
        head = name.startswith("attribute_head.")
        role: Role = "pretrained" if loaded else "attribute head" if head else "new"
        kind: Kind = "bias/norm" if parameter.ndim <= 1 else "weight"
        groups.setdefault((role, kind), []).append(parameter)
    return [ParameterGroup(*key, tuple(parameters)) for key, parameters in groups.items()]
