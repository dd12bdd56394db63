"""The outputs of each method for images, also of methods that combine several models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Progress
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.search.results import Task
from reproduction.grid_cell import Cell
from reproduction.measure_cell import EVERYTHING, Outputs

REAL_VALUED = frozenset({"svm-real", "cnn-attribute"})
"""Methods that store real values and no codes; they predict attributes from these values."""

CATEGORY_MODEL, ATTRIBUTE_MODEL = "ssdh", "cnn-attribute"

FILTERED: Mapping[str, tuple[str, str]] = {
    "multiple-model": (CATEGORY_MODEL, ATTRIBUTE_MODEL),
    "ssdh-by-dph": (CATEGORY_MODEL, "dph"),
    "dph-by-cnn-attribute": ("dph", ATTRIBUTE_MODEL),
}
"""Methods that rank by the bits of a first model and filter by the attributes of a second one."""

CLASS_ID = "class-id"
"""The method that predicts a class, by SSDH, and attributes, by CNN-attribute."""

TOGETHER = frozenset({*FILTERED, CLASS_ID})
"""Methods that consist of a model for categories and one for attributes."""


MEASURED: Mapping[str, frozenset[Task]] = {
    "dph": EVERYTHING,
    CLASS_ID: EVERYTHING,
    "ssdh-by-dph": frozenset({"combined"}),
    "dph-by-cnn-attribute": frozenset({"combined"}),
}
"""The tasks of the methods that are not in `METHODS`."""


def tasks_of(cell: Cell) -> frozenset[Task]:
    """Returns the tasks that a cell is measured on: with held-out categories, only category."""
    if cell.held_out:
        return frozenset({"category"})
    if cell.method in MEASURED:
        return MEASURED[cell.method]
    from dualhash.baselines import find_method

    return find_method(cell.method).answers


@dataclass(frozen=True, eq=False)
class MethodOutputs:
    """The outputs of a method for images.

    Attributes:
        final: What the method is evaluated by.
        bits: Bits that it stores for an image; 0 if it stores real values or would store two codes.
        before: The outputs before quantisation, if there are any.
    """

    final: Outputs
    bits: int = 0
    before: Outputs | None = None


def run_method(
    method: str, models: Mapping[str, Model], images: Sequence[Path], progress: Progress
) -> MethodOutputs:
    """Returns the outputs of a cell's models for N images.

    Args:
        method: Of the cell.
        models: By method: the cell's own model, or those it consists of.
        images: Paths of the images.
        progress: Called with the number of images that a model has encoded and the number of all.

    Raises:
        DualhashError: Images cannot be read; the message names them.
    """
    if method not in TOGETHER:
        return _alone(method, models[method], images, progress)
    first, second = FILTERED.get(method, (CATEGORY_MODEL, ATTRIBUTE_MODEL))
    category_model = models[first]
    outputs = encoded_outputs(category_model, images, progress)
    probabilities = _alone(second, models[second], images, progress).final.probabilities
    assert probabilities is not None, "the second model is one of attributes"
    predicted = (probabilities >= 0.5).astype(np.float64)
    if method in FILTERED:
        stored = category_model.bits + predicted.shape[1] if method == "multiple-model" else 0
        return MethodOutputs(Outputs(quantise(outputs), predicted), stored)
    head = category_model.category_head
    classes = len(head.names)
    return MethodOutputs(
        Outputs(class_bits(head.scores(outputs).argmax(axis=1), classes), predicted),
        ceil(log2(classes)) + predicted.shape[1],
    )


def class_bits(predicted: NDArray[np.intp], classes: int) -> NDArray[np.bool_]:
    """Returns bits (N, C) at distance 0 for images of the same predicted class, otherwise 2.

    They rank like log2 C bits of the class number that are compared for equality.
    """
    bits: NDArray[np.bool_] = predicted[:, None] == np.arange(classes)
    return bits


def _alone(method: str, model: Model, images: Sequence[Path], progress: Progress) -> MethodOutputs:
    outputs = encoded_outputs(model, images, progress)
    bits = quantise(outputs)
    if not model.attribute_head.names:
        return MethodOutputs(Outputs(bits), model.bits, Outputs(outputs))
    before = Outputs(outputs, model.attribute_probabilities(outputs))
    if method in REAL_VALUED:
        return MethodOutputs(before)
    return MethodOutputs(Outputs(bits, model.attribute_probabilities(bits)), model.bits, before)


def encoded_outputs(
    model: Model, images: Sequence[Path], progress: Progress
) -> NDArray[np.float32]:
    """Returns outputs (N, k) of the hash layer for N images.

    Raises:
        DualhashError: Images cannot be read; the message names them.
    """
    encoded = model.encode(images, progress=progress)
    if encoded.failures:
        reasons = " ".join(failure.reason for failure in encoded.failures)
        raise DualhashError(
            f"{len(encoded.failures)} of the {len(images)} images that methods are compared on "
            f"cannot be read. Replace them or remove them from the catalogue. {reasons}"
        )
    return encoded.reals
