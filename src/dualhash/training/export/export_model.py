"""From a trained network to a model folder: encoder, heads and model card."""

import platform
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.images import Preprocessing
from dualhash.codes.calibration import Calibration
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import head_tensors
from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import write_model
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.network import ClassifierHead, CosineHead, NetworkEncoder
from dualhash.training.calibrate import calibrate
from dualhash.training.config import VECTORS, TrainConfig
from dualhash.training.data.training_data import VALIDATION_BATCH, TrainingData
from dualhash.training.data.training_labels import Rows, take
from dualhash.training.export.onnx_export import export_checked
from dualhash.training.loop.train_network import TrainedNetwork

LIBRARIES = ("dualhash", "torch", "torchvision", "timm", "lightning", "onnx", "numpy")


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """A model before it is written to its folder.

    Attributes:
        encoder: The ONNX graph.
        category_head: Reads C categories from k bits.
        attribute_head: Reads p attributes from k bits.
        calibrated_category_head: See `Model`; None if it equals the category head.
        calibrated_attribute_head: Likewise.
        preprocessing: How an image becomes the input of the encoder; None if it takes vectors.
        report: Seconds, counts and validation figures.
        attribute_units: See `ModelCard.attribute_units`.
        calibration: See `ModelCard.calibration`.
        ranking_bits: See `ModelCard.ranking_bits`.
        vector_length: See `ModelCard.vector_length`.
    """

    encoder: bytes
    category_head: LinearHead
    attribute_head: LinearHead
    preprocessing: Preprocessing | None
    report: dict[str, Any]
    attribute_units: tuple[int, ...] = ()
    calibration: Calibration = field(default_factory=Calibration)
    ranking_bits: int | None = None
    vector_length: int | None = None
    calibrated_category_head: LinearHead | None = None
    calibrated_attribute_head: LinearHead | None = None


def export_network(trained: TrainedNetwork, attribute_units: tuple[int, ...] = ()) -> ExportedModel:
    """Exports a network with a hash layer and the heads that were trained with it.

    Raises:
        DualhashError: The exported encoder differs from the network.
    """
    network, data = trained.network, trained.data
    encoder, check = export_checked(NetworkEncoder(network), data)
    bits, labels = validation_codes(NetworkEncoder(network), data)
    k, ranking_bits = bits.shape[1], network.category_bits.stop
    category_head = widened(
        linear_head(network.category_head, data.names.categories), network.category_bits, k
    )
    attribute_head = widened(
        linear_head(network.attribute_head, data.names.attributes), network.attribute_bits, k
    )
    return ExportedModel(
        encoder=encoder,
        category_head=category_head,
        attribute_head=attribute_head,
        preprocessing=data.preprocessing,
        report={**trained.report, "encoder": check},
        attribute_units=attribute_units,
        ranking_bits=ranking_bits,
        vector_length=data.vector_length,
        **calibrate(bits, category_head, attribute_head, labels, ranking_bits)._asdict(),
    )


@torch.inference_mode()
def validation_codes(
    encoder: nn.Module, data: TrainingData
) -> tuple[NDArray[np.bool_], TrueLabels]:
    """Returns the codes (N, k) and labels of the validation images.

    Args:
        encoder: From images or kept features to outputs in [0, 1], (n, k).
        data: The data of the training.
    """
    rows = data.validation

    def inputs(batch: Rows) -> Tensor:
        if data.features and not data.frozen:
            return data.features.take(batch)
        return torch.from_numpy(data.images(batch))  # the encoder includes the frozen stages

    batches = [rows[at : at + VALIDATION_BATCH] for at in range(0, len(rows), VALIDATION_BATCH)]
    outputs = [encoder(inputs(batch)) for batch in batches]
    return (torch.cat(outputs) > 0.5).numpy(), take(data.labels, rows)


def linear_head(head: ClassifierHead | CosineHead, names: tuple[str, ...]) -> LinearHead:
    """Returns a head of a network as numpy arrays, with names for its outputs."""
    tensors = head.linear() if isinstance(head, CosineHead) else (head.weight, head.bias)
    weight, bias = (each.detach().cpu().float().numpy() for each in tensors)
    return LinearHead(names, weight, bias)


def widened(head: LinearHead, read: slice, bits: int) -> LinearHead:
    """Returns a head of codes of `bits` bits that gives no weight to bits outside `read`."""
    weight = np.zeros((len(head.weight), bits), np.float32)
    weight[:, read] = head.weight
    return replace(head, weight=weight)


def library_versions() -> dict[str, str]:
    """Returns the versions of Python and of the libraries that training depends on, by name."""
    libraries = {name: version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **libraries}


def features_origin(catalogue: Catalogue, config: TrainConfig) -> dict[str, str]:
    """Returns the hash of the vectors that a training learns from, by its name in the report."""
    if config.features != VECTORS or catalogue.features is None:
        return {}
    return {"features_hash": catalogue.features.hash}


def write_exported(
    out: Path, model: ExportedModel, config: TrainConfig, catalogue: Catalogue
) -> None:
    """Writes a model folder.

    Raises:
        DualhashError: The folder cannot be written.
    """
    card = ModelCard(
        method=config.method,
        bits=model.category_head.weight.shape[1],
        category_names=model.category_head.names,
        attribute_names=model.attribute_head.names,
        attribute_units=model.attribute_units,
        ranking_bits=model.ranking_bits,
        columns=catalogue.columns,
        source=catalogue.source,
        preprocessing=model.preprocessing,
        vector_length=model.vector_length,
        backbone=config.features or config.backbone,
        config=config.model_dump(mode="json"),
        seed=config.seed,
        label_hash=catalogue.label_hash,
        versions=library_versions(),
        calibration=model.calibration,
        training=model.report | features_origin(catalogue, config),
    )
    heads = {
        "category_head": model.category_head,
        "attribute_head": model.attribute_head,
        "calibrated_category_head": model.calibrated_category_head or model.category_head,
        "calibrated_attribute_head": model.calibrated_attribute_head or model.attribute_head,
    }
    write_model(out, card, head_tensors(heads), model.encoder)
