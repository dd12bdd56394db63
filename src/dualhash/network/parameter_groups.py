"""Groups of parameters that share a learning rate and a weight decay."""

from itertools import chain
from typing import Literal

from torch import nn

from dualhash.network.network import DualHashNetwork

Role = Literal["pretrained", "new", "attribute head"]
"""`pretrained` for loaded weights of a backbone, `attribute head`, or `new` for all others."""

Kind = Literal["weight", "bias/norm"]
"""`bias/norm` for biases and scales of normalisation layers, `weight` for the rest."""


def parameter_groups(
    network: DualHashNetwork, loss: nn.Module
) -> dict[tuple[Role, Kind], list[nn.Parameter]]:
    """Returns the trained parameters in groups, each parameter in one; no group is empty.

    A loss may have parameters of its own, such as a centre for each category; they are `new`.

    The paper trains new layers at ten times the rate of pretrained ones (section 4.1). The
    released code trains biases at twice the rate of their layer and without weight decay.
    """
    groups: dict[tuple[Role, Kind], list[nn.Parameter]] = {}
    for name, parameter in chain(network.named_parameters(), loss.named_parameters()):
        if not parameter.requires_grad:
            continue
        loaded = network.backbone.pretrained and name.startswith("backbone.")
        head = name.startswith("attribute_head.")
        role: Role = "pretrained" if loaded else "attribute head" if head else "new"
        kind: Kind = "bias/norm" if parameter.ndim <= 1 else "weight"
        groups.setdefault((role, kind), []).append(parameter)
    return groups
