"""What trained networks are put together to: an encoder, and heads that read its codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from dualhash.catalogue.catalogue import LabelNames
from dualhash.errors import DualhashError
from dualhash.network import DualHashNetwork, Encoder
from dualhash.training.config import TrainConfig
from dualhash.training.export.calibration import calibrate
from dualhash.training.loop.train_network import Learned

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Assembly:
    """A model before it is written.

    Attributes:
        encoder: From RGB images, uint8 (N, H, W, 3), to outputs (N, k) in [0, 1].
        bits: k.
        names: Of the labels that the heads read.
        tensors: The heads' weights and biases by the names that `Model` reads.
        report: Seconds, counts and validation figures.
        attribute_units: See `ModelCard.attribute_units`.
        calibration: What was fitted on validation images.
    """

    encoder: nn.Module
    bits: int
    names: LabelNames
    tensors: Mapping[str, Floats]
    report: Mapping[str, Any]
    attribute_units: tuple[int, ...] = ()
    calibration: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportPlan:
    """How a method is trained and its model put together.

    Attributes:
        runs: From the settings and the number of attributes to the settings of each run of the
            trainer, by the name of its folder; the name of a single run is empty.
        assemble: From the settings and what came of the runs to the model.
    """

    runs: Callable[[TrainConfig, int], Mapping[str, TrainConfig]]
    assemble: Callable[[TrainConfig, Mapping[str, Learned]], Assembly]


def one_run(config: TrainConfig, attributes: int) -> Mapping[str, TrainConfig]:
    """The settings as they are.

    Raises:
        DualhashError: They make no code.
    """
    if config.hash_layer == "none":
        raise DualhashError(
            "The hash layer 'none' makes no code; leave hash_layer out, or teach a backbone with "
            "`dualhash pretrain`."
        )
    return {"": config}


def one_network(config: TrainConfig, learned: Mapping[str, Learned]) -> Assembly:
    """The outputs of the hash layer, and the heads as they were learned."""
    (only,) = learned.values()
    network = only.fitted.network
    return Assembly(
        encoder=Encoder(network),
        bits=network.hash_layer.out_features,
        names=only.task.names,
        tensors={**head_of(network, "category"), **head_of(network, "attribute")},
        report=only.report,
        calibration=calibrate(network, only.task.data),
    )


def head_of(network: DualHashNetwork, which: str) -> dict[str, Floats]:
    """Weight and bias of the "category" or "attribute" head."""
    head = network.category_head if which == "category" else network.attribute_head
    return {
        f"{which}_head.{name}": parameter.detach().cpu().float().numpy()
        for name, parameter in head.named_parameters()
    }


ONE_NETWORK = ExportPlan(one_run, one_network)
"""A network with a hash layer: DPH, and most deep methods."""
