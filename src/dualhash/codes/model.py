"""A learned model, opened to encode images and to read labels from codes. Needs no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.encoder import Encoded, Encoder, Progress
from dualhash.codes.linear_head import LinearHead, sigmoid
from dualhash.codes.model_card import ModelCard
from dualhash.codes.model_folder import TENSORS, read_model
from dualhash.errors import DualhashError


@dataclass(frozen=True)
class Prediction:
    """What a code says about its image.

    Attributes:
        category: The most probable category; None where the model knows none.
        probability: Of that category, in [0, 1].
        attributes: Probability of each attribute, by name, in [0, 1].
    """

    category: str | None
    probability: float
    attributes: dict[str, float]


@dataclass(frozen=True, eq=False)
class Model:
    """A model folder, open.

    Attributes:
        folder: Where it was read from.
        card: Its description.
        attribute_head: p attributes from k bits.
        category_head: C categories from k bits.
        encoder: From images to outputs of the hash layer.
    """

    folder: Path
    card: ModelCard
    attribute_head: LinearHead
    category_head: LinearHead
    encoder: Encoder

    @classmethod
    def open(cls, folder: str | Path, *, threads: int | None = None) -> "Model":
        """Opens a model folder, as `dualhash train` writes it.

        Args:
            folder: The folder.
            threads: Threads of the encoder; None takes one per core.

        Raises:
            DualhashError: It is not a model folder, of a newer format, incomplete or damaged.
        """
        folder = Path(folder)
        card, tensors, graph = read_model(folder)
        return cls(
            folder,
            card,
            _head(folder, tensors, "attribute_head", card.attribute_names, card.bits),
            _head(folder, tensors, "category_head", card.category_names, card.bits),
            Encoder(graph, card.bits, card.preprocessing, threads),
        )

    @property
    def bits(self) -> int:
        """k, the length of a code."""
        return self.card.bits

    @property
    def hash(self) -> str:
        """Names the model by what decides its codes; see `ModelCard.model_hash`."""
        return self.card.model_hash

    def encode(
        self, paths: Sequence[Path | str], *, views: int = 1, progress: Progress | None = None
    ) -> Encoded:
        """Outputs of the hash layer for image files; see `Encoder.encode`."""
        return self.encoder.encode(paths, views=views, progress=progress)

    def encode_arrays(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Outputs (N, k) in [0, 1] of images (N, h, w, 3) uint8; see `Encoder.encode_arrays`."""
        return self.encoder.encode_arrays(images)

    def attribute_probabilities(
        self, outputs: NDArray[np.bool_] | NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Probability of each attribute, (N, p) in [0, 1].

        Args:
            outputs: (N, k) bits, or real outputs of the hash layer. Where units are probabilities
                of attributes (`ModelCard.attribute_units`), the real ones are taken as they are.
        """
        if self.card.attribute_units and outputs.dtype != np.bool_:
            return outputs[:, list(self.card.attribute_units)].astype(np.float64)
        return self.attribute_head.probabilities(outputs)

    def predict(self, codes: NDArray[np.uint8]) -> list[Prediction]:
        """Category and attributes of packed codes (N, k/8), read from the bits alone."""
        return predict(codes, self.category_head, self.attribute_head)


def predict(
    codes: NDArray[np.uint8], category_head: LinearHead, attribute_head: LinearHead
) -> list[Prediction]:
    """The softmax of the category head and the sigmoid of the attribute head (equations 2, 5)."""
    category_scores = category_head.code_scores(codes).astype(np.float64)
    attributes = sigmoid(attribute_head.code_scores(codes))
    return [
        Prediction(
            *_most_probable(category_head.names, scores),
            dict(zip(attribute_head.names, probabilities, strict=True)),
        )
        for scores, probabilities in zip(category_scores, attributes.tolist(), strict=True)
    ]


def _most_probable(names: tuple[str, ...], scores: NDArray[np.float64]) -> tuple[str | None, float]:
    if not names:
        return None, 0.0
    best = int(scores.argmax())
    return names[best], float(1.0 / np.exp(scores - scores[best]).sum())


def head_tensors(
    category_head: LinearHead, attribute_head: LinearHead
) -> dict[str, NDArray[np.float32]]:
    """Returns weights and biases of both heads by their names in a model folder."""
    heads = {"category_head": category_head, "attribute_head": attribute_head}
    parts = [(name, part) for name in heads for part in ("weight", "bias")]
    return {f"{name}.{part}": getattr(heads[name], part) for name, part in parts}


def _head(
    folder: Path, tensors: Mapping[str, NDArray[Any]], which: str, names: tuple[str, ...], bits: int
) -> LinearHead:
    weight, bias = tensors.get(f"{which}.weight"), tensors.get(f"{which}.bias")
    if weight is None or bias is None:
        raise DualhashError(f"{folder / TENSORS} is not a model's: it holds no {which}.")
    if weight.shape != (len(names), bits) or bias.shape != (len(names),):
        raise DualhashError(
            f"{folder / TENSORS} does not fit model.json: {which}.weight is {weight.shape}, not "
            f"{(len(names), bits)}."
        )
    return LinearHead(names, weight.astype(np.float32), bias.astype(np.float32))
