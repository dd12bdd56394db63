"""Comparison methods that are trained as DPH is, with losses and layers of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from dualhash.baselines.method import Method
from dualhash.errors import DualhashError
from dualhash.training.config import TrainConfig
from dualhash.training.export.exported_model import ONE_NETWORK, ExportPlan


@dataclass(frozen=True)
class DeepMethod(Method):
    """A method that trains a network, by the same module, rules for batches and schedule as DPH.

    Attributes:
        settings: Of the training, which make it this method.
        plan: How it is trained and its model put together.
        parts: The methods that it consists of.
    """

    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    plan: ExportPlan = ONE_NETWORK
    parts: tuple["DeepMethod", ...] = ()

    def configured(self, config: TrainConfig) -> TrainConfig:
        """A configuration with the settings that make it this method."""
        return config.model_copy(update={"method": self.name, **self.settings})

    def check_asked(self, asked: Mapping[str, Any]) -> None:
        """Refuses settings that a user states and that `configured` would replace.

        Args:
            asked: By name.

        Raises:
            DualhashError: One has another value than makes it this method.
        """
        for method in (self, *self.parts):
            for name, value in method.settings.items():
                if asked.get(name, value) != value:
                    raise DualhashError(
                        f"{self.title} sets {name} itself, and {asked[name]!r} would change "
                        "nothing: leave it out, or take another method."
                    )
