"""Shallow methods: a hash function fitted to the features of a frozen network."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dualhash.baselines.common.features import Features, Report, compute_features
from dualhash.baselines.common.hash_function import HashFunction, HashFunctionLayer
from dualhash.baselines.common.linear_svm import category_head
from dualhash.catalogue.catalogue import MISSING
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.network import ClassifierHead, DualHashNetwork, NoHashLayer
from dualhash.progress import Display
from dualhash.training.config import TrainConfig
from dualhash.training.data.training_data import generator_for
from dualhash.training.data.training_labels import Rows, take
from dualhash.training.export.export_model import ExportedModel, export_network
from dualhash.training.initial_network import initial_layers
from dualhash.training.loop.fit_network import TrainerOptions
from dualhash.training.loop.train_network import TrainedNetwork
from dualhash.training.loop.validation_score import validation_report
from dualhash.training.method import Method, PreparedRuns

FitHashFunction = Callable[[Features, int, np.random.Generator, Report], HashFunction]
"""Fits a hash function to features, with as many bits as given or as the attributes need.

It raises a `DualhashError` if the method does not support this length or the labels are not
sufficient.
"""


@dataclass(frozen=True, kw_only=True)
class ShallowMethod(Method):
    """A method that fits a hash function to features of a network, which is not trained.

    Kept features are standardised first, because they join layers of different scales. Those of a
    backbone are of images without augmentation. Linear SVMs read categories from the codes, so that
    the model can predict them.

    Attributes:
        fit: Fits the hash function.
    """

    fit: FitHashFunction

    def configure(self, config: TrainConfig) -> TrainConfig:
        """See `Method.configure`.

        Raises:
            DualhashError: The backbone has no weights, or stages are to be finetuned.
        """
        if not (config.features or config.pretrained or config.weights):
            raise DualhashError(
                f"{self.title} learns from the features of a pretrained network: keep those of one "
                "(--features efficientnet-lite0), give weights that `dualhash pretrain` wrote "
                "(--weights FOLDER), or use a backbone with published weights (--backbone "
                "efficientnet-lite0 --pretrained)."
            )
        if config.finetune:
            raise DualhashError(f"{self.title} trains no network: leave out --finetune.")
        learns = "both" if self.labels == "joint" else self.labels
        settings = {
            "learns": learns,
            "code_head": "hidden-layer",
            "head_settings": {"units": 0},
            "mirror": False,
        }
        return super().configure(config).model_copy(update=settings)

    def learn(
        self, data: PreparedRuns, folder: Path, display: Display, options: TrainerOptions
    ) -> ExportedModel:
        """See `Method.learn`."""
        only, started = data[""], time.monotonic()
        config, names, rows = only.config, only.names, only.training
        if self.labels == "joint":
            labels = take(only.labels, rows)
            rows = rows[(labels.categories != MISSING) & labels.observed.any(axis=1)]
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(config.seed)
            backbone = initial_layers(config, only.preprocessing, only.feature_sample)
            plain = DualHashNetwork(backbone, NoHashLayer(backbone.feature_size), 0, 0).eval()

            @torch.inference_mode()
            def compute(rows: Rows) -> NDArray[np.float32]:
                features = torch.nn.functional.normalize(plain.features(only.batch(rows).inputs))
                return features.numpy()

            training, validation = (
                compute_features(compute, backbone.feature_size, only, rows, display)
                for rows in (rows, only.validation)
            )
            with display.bar(self.title) as step:
                function = self.fit(training, config.bits, generator_for(config.seed), step)
            network = DualHashNetwork(
                backbone, HashFunctionLayer(function), len(names.categories), len(names.attributes)
            ).eval()
        if names.categories:
            bits = quantise(function.outputs(training.values))
            assert isinstance(network.category_head, ClassifierHead)
            _set(network.category_head, category_head(bits, training.labels, len(names.categories)))
        if function.attribute_head:
            _set(network.attribute_head, function.attribute_head)
        outputs = function.outputs(validation.values)
        report = {
            "seconds": round(time.monotonic() - started, 1),
            "images": len(rows),
            "validation_images": len(only.validation),
            "notes": only.notes,
            "best": validation_report(
                quantise(outputs), function.probabilities(outputs), validation.labels
            ),
            **self.origin(config),
        }
        display.note("writing the model")
        return export_network(TrainedNetwork(only, network, report), function.attribute_units)


@torch.no_grad()
def _set(head: ClassifierHead, fitted: LinearHead) -> None:
    head.weight.copy_(torch.from_numpy(fitted.weight))
    head.bias.copy_(torch.from_numpy(fitted.bias))
