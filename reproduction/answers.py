"""What trained models say of images, and what several models together say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.baselines.method import Answer
from dualhash.codes.encoder import Progress
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from reproduction.cell import Cell
from reproduction.measure import EVERYTHING, Said

REAL_VALUED = frozenset({"svm-real", "cnn-attribute"})
"""Methods that keep real values of an image: no codes, and attributes are told from those."""

CATEGORY_MODEL, ATTRIBUTE_MODEL = "ssdh", "cnn-attribute"

FILTERED: Mapping[str, tuple[str, str]] = {
    "multiple-model": (CATEGORY_MODEL, ATTRIBUTE_MODEL),
    "ssdh-by-dph": (CATEGORY_MODEL, "dph"),
    "dph-by-cnn-attribute": ("dph", ATTRIBUTE_MODEL),
}
"""Methods that rank by the bits of a first model and leave out by what a second one predicts."""

CLASS_ID = "class-id"
"""The method that predicts a class, by SSDH, and attributes, by CNN-attribute."""

TOGETHER = frozenset({*FILTERED, CLASS_ID})
"""Methods that consist of a model for categories and one for attributes."""


MEASURED: Mapping[str, frozenset[Answer]] = {
    "dph": EVERYTHING,
    CLASS_ID: EVERYTHING,
    "ssdh-by-dph": frozenset({"combined"}),
    "dph-by-cnn-attribute": frozenset({"combined"}),
}
"""What is measured of those that are none of `METHODS`."""


def answers_of(cell: Cell) -> frozenset[Answer]:
    """What is measured of a cell: what its method is made for; of held-out ones, categories."""
    if cell.held_out:
        return frozenset({"category"})
    if cell.method in MEASURED:
        return MEASURED[cell.method]
    from dualhash.baselines.registry import method_named

    return method_named(cell.method).answers


@dataclass(frozen=True, eq=False)
class Answers:
    """What a cell's models say of images.

    Attributes:
        said: That the method is judged by.
        bits: That it keeps of an image; 0 where it keeps real values, or would keep two codes.
        before: The same before quantisation, where there is such a thing.
    """

    said: Said
    bits: int = 0
    before: Said | None = None


def ask(
    method: str, models: Mapping[str, Model], images: Sequence[Path], progress: Progress
) -> Answers:
    """What a cell's models say of N images that can all be read.

    Args:
        method: Of the cell.
        models: By method: the cell's own, or those it consists of.
        images: Paths of the images.
        progress: Called with how many images a model has seen, and how many there are.

    Raises:
        DualhashError: Naming images that cannot be read.
    """
    if method not in TOGETHER:
        return _alone(method, models[method], images, progress)
    first, second = FILTERED.get(method, (CATEGORY_MODEL, ATTRIBUTE_MODEL))
    category_model = models[first]
    outputs = _outputs(category_model, images, progress)
    probabilities = _alone(second, models[second], images, progress).said.probabilities
    assert probabilities is not None, "the second model is one of attributes"
    told = (probabilities >= 0.5).astype(np.float64)
    if method in FILTERED:
        stored = category_model.bits + told.shape[1] if method == "multiple-model" else 0
        return Answers(Said(quantise(outputs), told), stored)
    head = category_model.category_head
    classes = len(head.names)
    return Answers(
        Said(class_bits(head.scores(outputs).argmax(axis=1), classes), told),
        ceil(log2(classes)) + told.shape[1],
    )


def class_bits(predicted: NDArray[np.intp], classes: int) -> NDArray[np.bool_]:
    """Bits (N, C) at distance 0 for images of the same predicted class, else at distance 2.

    That ranks as log2 C bits of the class's number do, compared for equality.
    """
    bits: NDArray[np.bool_] = predicted[:, None] == np.arange(classes)
    return bits


def _alone(method: str, model: Model, images: Sequence[Path], progress: Progress) -> Answers:
    outputs = _outputs(model, images, progress)
    bits = quantise(outputs)
    if not model.attribute_head.names:
        return Answers(Said(bits), model.bits, Said(outputs))
    before = Said(outputs, model.attribute_probabilities(outputs))
    if method in REAL_VALUED:
        return Answers(before)
    return Answers(Said(bits, model.attribute_probabilities(bits)), model.bits, before)


def _outputs(model: Model, images: Sequence[Path], progress: Progress) -> NDArray[np.float32]:
    encoded = model.encode(images, progress=progress)
    if encoded.failures:
        reasons = " ".join(failure.reason for failure in encoded.failures)
        raise DualhashError(
            f"{len(encoded.failures)} of the {len(images)} images that methods are compared on "
            f"cannot be read; mend them or take them out of the catalogue. {reasons}"
        )
    return encoded.reals
