"""Training methods: what each trains on, how it trains, and which model it exports."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dualhash.errors import DualhashError
from dualhash.progress import Display
from dualhash.registry import Registry
from dualhash.search.results import Task
from dualhash.training.config import TrainConfig
from dualhash.training.data.training_data import TrainingData
from dualhash.training.export.backbone_weights import weights_hash
from dualhash.training.export.export_model import ExportedModel, export_network
from dualhash.training.loop.finetune import finetune
from dualhash.training.loop.fit_network import TrainerOptions
from dualhash.training.loop.train_network import TrainedNetwork, train_network

LabelKind = Literal["category", "attribute", "both", "joint"]
PreparedRuns = Mapping[str, TrainingData]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method that learns codes.

    Attributes:
        title: Its name in tables; in lower case, the name of a built-in method elsewhere.
        paper: Authors and venue of its paper.
        year: Year of the paper.
        answers: The search tasks that it is made for.
        labels: The images it trains on: "category" for train-both and train-category, "attribute"
            for train-both and train-attribute, "both" for all, "joint" for train-both alone.
        bits: The supported lengths of a code, in words.
        settings: The training settings that define the method.
        parts: The methods it consists of.
        import_path: For a custom method, `package.module:Name` of what makes it.
    """

    title: str
    paper: str
    year: int
    answers: frozenset[Task] = frozenset({"category"})
    labels: LabelKind = "category"
    bits: str = "any multiple of 8"
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple["Method", ...] = ()
    import_path: str | None = None

    @property
    def name(self) -> str:
        """Its name in settings and on the command line."""
        return self.import_path or self.title.lower()

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuses settings of a user that `configure` would replace.

        Args:
            settings: Values by name.

        Raises:
            DualhashError: The method sets one of them to another value.
        """
        for method in (self, *self.parts):
            for name, value in method.settings.items():
                if settings.get(name, value) != value:
                    raise DualhashError(
                        f"{self.title} always trains with {name} = {value!r}, so "
                        f"{settings[name]!r} would be ignored: leave the option out, or use "
                        "another method."
                    )

    def configure(self, config: TrainConfig) -> TrainConfig:
        """Returns the configuration with the settings of the method.

        Raises:
            DualhashError: The method cannot train with this configuration.
        """
        return config.model_copy(update={"method": self.name, **self.settings})

    def origin(self, config: TrainConfig) -> dict[str, str | None]:
        """Returns hashes of the files that a training starts from, by their names in the report."""
        return {"weights_hash": weights_hash(config.weights)}

    def runs(self, config: TrainConfig, attributes: int) -> Mapping[str, TrainConfig]:
        """Returns the settings of each network that the method trains.

        Args:
            config: The settings of the method.
            attributes: p, the number of attributes in the catalogue.

        Returns:
            Settings by the name of the folder for checkpoints; "" for a single network.

        Raises:
            DualhashError: The method cannot train with these settings or attributes.
        """
        if self.labels in {"attribute", "joint"} and not attributes:
            raise DualhashError(
                f"{self.title} learns attributes, but the catalogue has none: name their columns "
                "with --attribute-columns or --facet-columns."
            )
        return {"": config}

    @abstractmethod
    def learn(
        self, data: PreparedRuns, folder: Path, display: Display, options: TrainerOptions
    ) -> ExportedModel:
        """Trains, or resumes from the checkpoints in a folder.

        Args:
            data: The prepared data of each of `runs`.
            folder: Folder for checkpoints and logs.
            display: Shows progress.
            options: Devices and logs of the training of networks.
        """


@dataclass(frozen=True, kw_only=True)
class NetworkMethod(Method):
    """A method that trains a network, such as DPH: end to end, or a head on kept features.

    All network methods share training loop, batches and schedule.
    """

    def runs(self, config: TrainConfig, attributes: int) -> Mapping[str, TrainConfig]:
        """See `Method.runs`."""
        if config.hash_layer == "none" and "hash_layer" not in self.settings:
            raise DualhashError(
                "The hash layer 'none' produces no code: leave hash_layer out, or train a backbone "
                "with `dualhash pretrain`."
            )
        return super().runs(config, attributes)

    def export(self, trained: Mapping[str, TrainedNetwork]) -> ExportedModel:
        """Combines the trained networks, by the names of `runs`, into a model."""
        return export_network(trained[""])

    def learn(
        self, data: PreparedRuns, folder: Path, display: Display, options: TrainerOptions
    ) -> ExportedModel:
        """See `Method.learn`."""
        trained = {
            name: train_network(each, folder / name, display, options)
            for name, each in data.items()
        }
        for name, each in data.items():
            if each.config.finetune:
                trained[name] = finetune(trained[name], folder / name, display, options)
        display.note("writing the model")
        return self.export(trained)


DPH = NetworkMethod(
    title="DPH",
    paper="Liu, Wang, Shan and Chen, IJCV",
    year=2020,
    answers=frozenset({"category", "attribute", "combined"}),
    labels="both",
)
"""Dual Purpose Hashing, the method of the paper: every setting is free."""


def custom_method(path: str) -> Method:
    """Returns the custom method with an import path.

    Raises:
        DualhashError: It cannot be imported.
    """
    return replace(Registry("method", {}, made=Method).find(path), import_path=path)


def configured_method(config: TrainConfig) -> Method:
    """Returns the method that a configuration names: DPH or a custom one.

    Raises:
        DualhashError: It is a comparison method, or cannot be imported.
    """
    if config.method == DPH.name:
        return DPH
    if ":" not in config.method:
        raise DualhashError(
            f"The settings are those of the method {config.method!r}: pass "
            f"method=dualhash.baselines.find_method({config.method!r})."
        )
    return custom_method(config.method)
