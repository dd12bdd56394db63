"""Weights of a backbone on disk, from which other trainings start.

`backbone.safetensors` holds the tensors and, in its header, the card that describes their origin,
so that both are written in one step. `backbone.json` is a readable copy of the card.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from dualhash.errors import DualhashError
from dualhash.files import write_whole
from dualhash.network import BuiltBackbone
from dualhash.training.loop.checkpoints import BEST, load_checkpoint

WEIGHTS, WEIGHTS_CARD = "backbone.safetensors", "backbone.json"

_IN_CHECKPOINT = "network.backbone."


class WeightsCard(BaseModel):
    """The origin of the weights of a backbone.

    Attributes:
        backbone: Its name.
        source: The catalogue trained on, as the user named it.
        label_hash: `Catalogue.label_hash` of this catalogue.
        category_names: The categories it was trained to classify.
        without_categories: Categories that were left out.
        config: The complete training configuration.
        versions: Versions of the libraries, by name.
        training: Seconds, iterations, counts and validation figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str
    source: str
    label_hash: str
    category_names: tuple[str, ...]
    without_categories: tuple[str, ...]
    config: dict[str, Any]
    versions: dict[str, str]
    training: dict[str, Any]


def write_weights(folder: Path, card: WeightsCard, backbone: BuiltBackbone) -> None:
    """Writes the weights of a backbone into `folder`, replacing existing ones.

    Raises:
        DualhashError: The folder cannot be written.
    """
    tensors = {name: tensor.contiguous() for name, tensor in backbone.state_dict().items()}
    write_whole(folder / WEIGHTS, save(tensors, {"card": card.model_dump_json()}))
    write_whole(folder / WEIGHTS_CARD, card.model_dump_json(indent=2) + "\n")


def read_card(folder: Path) -> WeightsCard:
    """Returns the card of the weights in `folder`.

    Raises:
        DualhashError: There are no weights, or they are damaged.
    """
    path = folder / WEIGHTS
    try:
        with safe_open(path, "np") as file:
            return WeightsCard.model_validate_json((file.metadata() or {}).get("card", ""))
    except (OSError, SafetensorError, ValidationError) as error:
        raise DualhashError(
            f"{path} is missing, damaged, or was not written by `dualhash pretrain`."
        ) from error


def load_weights(folder: str | Path, backbone: BuiltBackbone) -> None:
    """Loads the weights in `folder` into a backbone, which then counts as pretrained.

    Args:
        folder: The result of `pretrain`, or the folder of a training with its checkpoints.
        backbone: Of the same architecture.

    Raises:
        DualhashError: There are no weights, they are damaged, or they fit another backbone.
    """
    path = weights_file(folder)
    try:
        backbone.load_state_dict(_tensors(path))
    except RuntimeError as error:
        raise DualhashError(
            f"{path} does not hold the weights of {backbone.spec.name!r}: give --backbone the name "
            "of the backbone that was trained there."
        ) from error
    backbone.pretrained = True


def weights_file(folder: str | Path) -> Path:
    """Returns the file in `folder` that holds weights.

    Raises:
        DualhashError: There is none.
    """
    for path in (Path(folder) / WEIGHTS, Path(folder) / BEST):
        if path.is_file():
            return path
    raise DualhashError(
        f"{folder} holds no weights: neither {WEIGHTS}, which `dualhash pretrain` writes, nor "
        f"{BEST}, which a training with --keep-checkpoints writes."
    )


def weights_hash(folder: str | Path | None) -> str | None:
    """Returns the SHA-256 (hex) of the tensors of the weights; None without a folder.

    Raises:
        DualhashError: There are no weights, or they are damaged.
    """
    if not folder:
        return None
    digest = sha256()
    for name, tensor in sorted(_tensors(weights_file(folder)).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.name == WEIGHTS:
        try:
            return load(path.read_bytes())
        except SafetensorError as error:
            raise DualhashError(f"{path} is damaged: {error}.") from error
    state: dict[str, torch.Tensor] = load_checkpoint(path)["state_dict"]
    return {
        name.removeprefix(_IN_CHECKPOINT): tensor
        for name, tensor in state.items()
        if name.startswith(_IN_CHECKPOINT)
    }
