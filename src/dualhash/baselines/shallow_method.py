"""Shallow methods: a hash function fitted to the features of a pretrained backbone."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from dualhash.baselines.features import Features, Report, compute_features, no_report
from dualhash.baselines.hash_function import HashFunction, HashFunctionLayer
from dualhash.baselines.linear_svm import category_head
from dualhash.catalogue.catalogue import TRAIN_BOTH, Catalogue
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.network import ClassifierHead, DualHashNetwork, NoHashLayer
from dualhash.training.config import TrainConfig
from dualhash.training.data.prepare_data import prepare_data
from dualhash.training.data.training_data import TrainingData, generator_for
from dualhash.training.data.training_labels import Rows, training_catalogue
from dualhash.training.export.backbone_weights import weights_hash
from dualhash.training.export.exported_model import ExportedModel, export_network
from dualhash.training.initial_network import initial_backbone
from dualhash.training.loop.train_network import TrainedNetwork
from dualhash.training.loop.validation import validation_report
from dualhash.training.method import Method
from dualhash.training.progress import Display


class FitHashFunction(Protocol):
    """Fits a hash function to features."""

    def __call__(
        self,
        features: Features,
        bits: int,
        generator: np.random.Generator,
        report: Report = no_report,
    ) -> HashFunction:
        """Returns a hash function with `bits` bits, or as many as the attributes need.

        Raises:
            DualhashError: The method does not support this length, or the labels are not
                sufficient.
        """


@dataclass(frozen=True)
class ShallowMethod(Method):
    """A method that fits a hash function to features of a backbone, which is not trained.

    Features are those of images without augmentation. Linear SVMs read categories from the codes,
    so that the model can predict them.

    Attributes:
        fit: Fits the hash function.
    """

    fit: FitHashFunction

    def configure(self, config: TrainConfig) -> TrainConfig:
        """See `Method.configure`.

        Raises:
            DualhashError: The backbone has no weights.
        """
        if not (config.pretrained or config.weights):
            raise DualhashError(
                f"{self.title} learns from the features of a pretrained backbone: give weights "
                "that `dualhash pretrain` wrote (--weights FOLDER), or use a backbone with "
                "published weights (--backbone efficientnet-lite0 --pretrained)."
            )
        learns = "both" if self.labels == "joint" else self.labels
        return config.model_copy(update={"method": self.name, "learns": learns})

    def prepare(
        self, catalogue: Catalogue, config: TrainConfig, display: Display
    ) -> dict[str, TrainingData]:
        """See `Method.prepare`."""
        if "attribute" in self.answers:
            check_attributes(self, catalogue)
        data = without_batch_notes(prepare_data(catalogue, config, display))
        if self.labels == "joint":
            both = training_catalogue(catalogue).subsets[data.training] == TRAIN_BOTH
            data = replace(data, training=data.training[both])
        return {"": data}

    def learn(
        self, data: Mapping[str, TrainingData], folder: Path, display: Display, *, tensorboard: bool
    ) -> ExportedModel:
        """See `Method.learn`."""
        return self._learn(data[""], display)

    def _learn(self, data: TrainingData, display: Display) -> ExportedModel:
        started = time.monotonic()
        config, names = data.config, data.names
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(config.seed)
            backbone = initial_backbone(config, data.preprocessing.crop)
            plain = DualHashNetwork(backbone, NoHashLayer(backbone.feature_size), 0, 0).eval()

            @torch.inference_mode()
            def compute(rows: Rows) -> NDArray[np.float32]:
                features = torch.nn.functional.normalize(plain.features(data.batch(rows).inputs))
                array: NDArray[np.float32] = features.numpy()
                return array

            training, validation = (
                compute_features(compute, backbone.feature_size, data, rows, display)
                for rows in (data.training, data.validation)
            )
            with display.bar(self.title) as step:
                function = self.fit(training, config.bits, generator_for(config.seed), step)
            network = DualHashNetwork(
                backbone,
                HashFunctionLayer(function),
                len(names.categories),
                len(names.attributes),
            ).eval()
        if names.categories:
            bits = quantise(function.outputs(training.values))
            _set(network.category_head, category_head(bits, training.labels, len(names.categories)))
        if function.attribute_head:
            _set(network.attribute_head, function.attribute_head)
        outputs = function.outputs(validation.values)
        report = {
            "seconds": round(time.monotonic() - started, 1),
            "images": len(data.training),
            "validation_images": len(data.validation),
            "notes": data.notes,
            "best": validation_report(
                quantise(outputs), function.probabilities(outputs), validation.labels
            ),
            "weights_hash": weights_hash(config.weights),
        }
        display.note("writing the model")
        return export_network(TrainedNetwork(data, network, report), function.attribute_units)


def check_attributes(method: Method, catalogue: Catalogue) -> None:
    """Refuses a catalogue without attributes.

    Raises:
        DualhashError: It has none.
    """
    if not catalogue.names.attributes:
        raise DualhashError(f"{method.title} learns attributes, and {catalogue.source} has none.")


def without_batch_notes(data: TrainingData) -> TrainingData:
    """Removes notes on batches, which only network methods have."""
    notes = tuple(note for note in data.notes if note not in data.plan.notes)
    return replace(data, notes=notes)


@torch.no_grad()
def _set(head: ClassifierHead, fitted: LinearHead) -> None:
    head.weight.copy_(torch.from_numpy(fitted.weight))
    head.bias.copy_(torch.from_numpy(fitted.bias))
