"""Comparison methods that are trained as DPH is, with losses and layers of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from dualhash.baselines.method import Method
from dualhash.training.assembly import ONE_NETWORK, Plan
from dualhash.training.config import TrainConfig


@dataclass(frozen=True)
class DeepMethod(Method):
    """A method that trains a network, by the same module, rules for batches and schedule as DPH.

    Attributes:
        settings: Of the training, which make it this method.
        plan: How it is trained and its model put together.
    """

    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    plan: Plan = ONE_NETWORK

    def configured(self, config: TrainConfig) -> TrainConfig:
        """A configuration with the settings that make it this method."""
        return config.model_copy(update={"method": self.name, **self.settings})
