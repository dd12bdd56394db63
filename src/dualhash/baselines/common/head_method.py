"""Head methods: an attribute head fitted to the codes of another model."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.common.features import Features, Report, compute_features
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Model
from dualhash.codes.model_folder import read_model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.progress import Display
from dualhash.training.calibrate import calibrate
from dualhash.training.config import TrainConfig
from dualhash.training.data.training_labels import Rows
from dualhash.training.export.export_model import ExportedModel
from dualhash.training.loop.fit_network import TrainerOptions
from dualhash.training.loop.validation_score import validation_report
from dualhash.training.method import Method, PreparedRuns


@dataclass(frozen=True, kw_only=True)
class HeadMethod(Method):
    """A method that reads attributes from the codes of an existing model.

    Attributes:
        base: Name of the method that trained that model.
        fit: Fits a head with one output per attribute to codes; its names are their indices.
        base_folder: Folder of the model.
    """

    base: str
    fit: Callable[[Features, Report], LinearHead]
    base_folder: Path | None = None

    def configure(self, config: TrainConfig) -> TrainConfig:
        """Returns the configuration of the base model, for attributes alone.

        Raises:
            DualhashError: The folder is missing, or its model is of another method.
        """
        if self.base_folder is None:
            raise DualhashError(
                f"{self.title} reads the codes of another model: train {self.base} first and "
                "give its folder with --base."
            )
        card, _, _ = read_model(self.base_folder)
        if card.method != self.base:
            raise DualhashError(
                f"{self.title} reads the codes of {self.base}, but {self.base_folder} is a model "
                f"of {card.method}. Give the folder of a model of {self.base} with --base."
            )
        settings = {"method": self.name, "learns": "attribute", "frozen_stages": 0, "finetune": 0}
        return TrainConfig(**card.config).model_copy(update=settings)

    def origin(self, config: TrainConfig) -> dict[str, str | None]:
        """See `Method.origin`."""
        assert self.base_folder is not None
        return {"base": read_model(self.base_folder)[0].model_hash}

    def learn(
        self, data: PreparedRuns, folder: Path, display: Display, options: TrainerOptions
    ) -> ExportedModel:
        """See `Method.learn`."""
        assert self.base_folder is not None
        started = time.monotonic()
        only, model = data[""], Model.open(self.base_folder)
        card, _, encoder = read_model(self.base_folder)

        def compute(rows: Rows) -> NDArray[np.bool_]:
            if only.features and only.features.extractor is None:
                return quantise(model.encode_vectors(only.features.values[rows]).reals)
            return quantise(model.image_encoder.encode_arrays(only.images(rows)))

        training, validation = (
            compute_features(compute, model.bits, only, rows, display)
            for rows in (only.training, only.validation)
        )
        with display.bar(self.title) as step:
            head = replace(self.fit(training, step), names=only.names.attributes)
        bits = validation.values > 0.5
        report = {
            "seconds": round(time.monotonic() - started, 1),
            "images": len(only.training),
            "validation_images": len(bits),
            "notes": only.notes,
            "best": validation_report(bits, head.probabilities(bits), validation.labels),
            **self.origin(only.config),
        }
        return ExportedModel(
            encoder=encoder,
            category_head=model.category_head,
            attribute_head=head,
            preprocessing=card.preprocessing,
            vector_length=card.vector_length,
            report=report,
            **calibrate(bits, model.category_head, head, validation.labels)._asdict(),
        )
