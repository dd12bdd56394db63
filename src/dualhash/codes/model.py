"""An open model: encodes images and predicts labels from codes. Needs no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.images import ImageLike
from dualhash.catalogue.vectors import IN_MEMORY
from dualhash.codes.encoder import Encoded, Encoder, Progress, VectorEncoder
from dualhash.codes.linear_head import HEADS, LinearHead, sigmoid
from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import TENSORS, read_model
from dualhash.errors import DualhashError


@dataclass(frozen=True)
class Prediction:
    """The labels predicted from a code.

    Attributes:
        category: The most probable category; None if the model has no categories.
        probability: The probability of this category, in [0, 1].
        attributes: The probability of each attribute by name, in [0, 1].
    """

    category: str | None
    probability: float
    attributes: dict[str, float]


@dataclass(frozen=True, eq=False)
class Model:
    """An open model folder.

    Attributes:
        folder: The folder.
        card: The description of the model.
        category_head: Reads C categories from k bits.
        attribute_head: Reads p attributes from k bits. Trained with the weights of equation 6,
            its sigmoid is above 0.5 for attributes that are more likely than on average.
        calibrated_category_head: Likewise, refitted so that the softmax of its scores is the
            probability of each category.
        calibrated_attribute_head: Likewise, refitted so that the sigmoid of its score is the
            probability of an attribute.
        encoder: Maps images, or vectors, to outputs of the hash layer.
    """

    folder: Path
    card: ModelCard
    category_head: LinearHead
    attribute_head: LinearHead
    calibrated_category_head: LinearHead
    calibrated_attribute_head: LinearHead
    encoder: Encoder | VectorEncoder

    @classmethod
    def open(cls, folder: str | Path, *, threads: int | None = None) -> "Model":
        """Opens a model folder written by `dualhash train`.

        Args:
            folder: The folder.
            threads: Number of threads of the encoder; None uses one per core.

        Raises:
            DualhashError: The folder is not a model folder, has a newer format, is incomplete or is
                damaged.
        """
        folder = Path(folder)
        card, tensors, graph = read_model(folder)
        if card.format < 3:
            tensors |= {f"calibrated_{name}": tensor for name, tensor in tensors.items()}
        names = {"category": card.category_names, "attribute": card.attribute_names}
        heads = {
            head: _head(folder, tensors, head, names[kind], card.bits)
            for head, kind in HEADS.items()
        }
        return cls(folder, card, **heads, encoder=_encoder(graph, card, threads))

    @property
    def bits(self) -> int:
        """k, the length of a code."""
        return self.card.bits

    @property
    def hash(self) -> str:
        """Identifies the model by what its codes depend on; see `ModelCard.model_hash`."""
        return self.card.model_hash

    def encode(
        self, images: Sequence[ImageLike], *, views: int = 1, progress: Progress | None = None
    ) -> Encoded:
        """Returns hash-layer outputs of images; see `Encoder.encode`.

        Raises:
            DualhashError: The model takes vectors; or as `Encoder.encode`.
        """
        return self.image_encoder.encode(images, views=views, progress=progress)

    def encode_vectors(self, vectors: NDArray[Any], source: str | None = IN_MEMORY) -> Encoded:
        """Returns hash-layer outputs of vectors (N, d) float16 or float32.

        Args:
            vectors: The vectors.
            source: What they come from, for messages; None for a query.

        Raises:
            DualhashError: The model takes images; or a vector has another type or length, or a
                value that is not finite.
        """
        if not isinstance(self.encoder, VectorEncoder):
            raise DualhashError(f"The model {self.folder} takes images, not vectors.")
        return Encoded(self.encoder.encode(vectors, source), ())

    @property
    def image_encoder(self) -> Encoder:
        """The encoder of images.

        Raises:
            DualhashError: The model takes vectors.
        """
        if isinstance(self.encoder, VectorEncoder):
            raise DualhashError(
                f"The model {self.folder} takes vectors of {self.encoder.length} values, not "
                "images. Give vectors made like those it was trained on."
            )
        return self.encoder

    def attribute_probabilities(
        self, outputs: NDArray[np.bool_] | NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Returns what the attribute head predicts, (N, p) in [0, 1]; it is not calibrated.

        Args:
            outputs: Bits (N, k), or real-valued outputs of the hash layer. If some units are
                attribute probabilities (`ModelCard.attribute_units`), real-valued outputs of
                these units are returned unchanged.
        """
        if self.card.attribute_units and outputs.dtype != np.bool_:
            return outputs[:, list(self.card.attribute_units)].astype(np.float64)
        return self.attribute_head.probabilities(outputs)

    def predict(self, codes: NDArray[np.uint8]) -> list[Prediction]:
        """Predicts category and attributes of packed codes (N, k/8), from the bits alone."""
        return predict(codes, self.calibrated_category_head, self.calibrated_attribute_head)


def predict(
    codes: NDArray[np.uint8], category_head: LinearHead, attribute_head: LinearHead
) -> list[Prediction]:
    """Predicts by softmax of the category and sigmoid of the attribute head (equations 2, 5).

    Args:
        codes: (N, k/8) uint8, packed.
        category_head: The calibrated one, so that probabilities are shares.
        attribute_head: Likewise.
    """
    names: list[str | None] = [None] * len(codes)
    shares = [0.0] * len(codes)
    if category_head.names:
        scores = category_head.code_scores(codes).astype(np.float64)
        best = scores.argmax(axis=1)
        names = [category_head.names[row] for row in best.tolist()]
        highest = np.take_along_axis(scores, best[:, None], axis=1)
        shares = (1.0 / np.exp(scores - highest).sum(axis=1)).tolist()
    attributes = sigmoid(attribute_head.code_scores(codes)).tolist()
    return [
        Prediction(name, share, dict(zip(attribute_head.names, probabilities, strict=True)))
        for name, share, probabilities in zip(names, shares, attributes, strict=True)
    ]


def _encoder(graph: bytes, card: ModelCard, threads: int | None) -> Encoder | VectorEncoder:
    if card.preprocessing is not None:
        return Encoder(graph, card.bits, card.preprocessing, threads)
    assert card.vector_length is not None
    return VectorEncoder(graph, card.bits, card.vector_length, threads)


def head_tensors(heads: Mapping[str, LinearHead]) -> dict[str, NDArray[np.float32]]:
    """Returns weights and biases by their names in a model folder, of all `HEADS` by name."""
    return {
        f"{name}.{part}": getattr(heads[name], part)
        for name in HEADS
        for part in ("weight", "bias")
    }


def _head(
    folder: Path, tensors: Mapping[str, NDArray[Any]], which: str, names: tuple[str, ...], bits: int
) -> LinearHead:
    weight, bias = tensors.get(f"{which}.weight"), tensors.get(f"{which}.bias")
    if weight is None or bias is None:
        raise DualhashError(f"{folder / TENSORS} is not from a model folder: it has no {which}.")
    if weight.shape != (len(names), bits) or bias.shape != (len(names),):
        raise DualhashError(
            f"{folder / TENSORS} does not match model.json: the shape of {which}.weight is "
            f"{weight.shape}, not {(len(names), bits)}."
        )
    return LinearHead(names, weight.astype(np.float32), bias.astype(np.float32))
