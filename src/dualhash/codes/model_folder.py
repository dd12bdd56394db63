"""The model folder: `model.json`, `model.safetensors` and `encoder.onnx`.

A killed process leaves either the old or the new model. The new files are written to a hidden
folder, which is renamed to `.new` in one step. Then the files move to their final places. A reader
reads each file from `.new` while it exists there.
"""

import json
import os
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from dualhash.codes.model_card import FORMAT, ModelCard
from dualhash.errors import DualhashError
from dualhash.files import new_folder, not_readable, write_through

CARD, TENSORS, ENCODER = "model.json", "model.safetensors", "encoder.onnx"

_NEW = ".new"
_UNFINISHED = ".unfinished-"


def write_model(
    folder: Path, card: ModelCard, tensors: Mapping[str, NDArray[Any]], onnx_bytes: bytes
) -> None:
    """Writes a model into `folder`, replacing an existing one; other files are not changed.

    Args:
        folder: Created if it does not exist.
        card: The description of the model; `files` is set here.
        tensors: Arrays by name, including those of both heads (see `head_tensors`).
        onnx_bytes: The encoder: `images` uint8 (N, H, W, 3) to `outputs` float32 (N, k).

    Raises:
        DualhashError: The folder cannot be written.
    """
    contents = {
        TENSORS: save({name: np.ascontiguousarray(array) for name, array in tensors.items()}),
        ENCODER: onnx_bytes,
    }
    digests = {name: sha256(content).hexdigest() for name, content in contents.items()}
    described = card.model_copy(update={"files": digests})
    contents[CARD] = (described.model_dump_json(indent=2) + "\n").encode()
    try:
        with new_folder(folder):
            _finish(folder)
            unfinished = Path(mkdtemp(prefix=_UNFINISHED, dir=folder))
            try:
                for name, content in contents.items():
                    write_through(unfinished / name, content)
                unfinished.rename(folder / _NEW)
            except BaseException:
                shutil.rmtree(unfinished, ignore_errors=True)
                raise
            _sync(folder)
            _finish(folder)
    except OSError as error:
        raise DualhashError(
            f"The model cannot be written to {folder}: {error.strerror}."
        ) from error


def read_model(folder: Path) -> tuple[ModelCard, dict[str, NDArray[Any]], bytes]:
    """Returns card, tensors and encoder of a model folder, and checks that they belong together.

    Raises:
        DualhashError: The folder is not a model folder, has a newer format, is incomplete or is
            damaged.
    """
    card = _read_card(folder)
    tensors = _read_checked(folder, TENSORS, card)
    encoder = _read_checked(folder, ENCODER, card)
    try:
        return card, load(tensors), encoder
    except SafetensorError as error:
        raise DualhashError(f"{folder / TENSORS} is damaged: {error}.") from error


def _finish(folder: Path) -> None:
    """Moves the files of a completed write to their places and removes incomplete writes."""
    new = folder / _NEW
    if new.is_dir():
        for file in sorted(new.iterdir()):
            file.replace(folder / file.name)
        new.rmdir()
        _sync(folder)
    for unfinished in folder.glob(_UNFINISHED + "*"):
        shutil.rmtree(unfinished)


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / _NEW / name).read_bytes()
    except FileNotFoundError:
        return (folder / name).read_bytes()


def _read_card(folder: Path) -> ModelCard:
    try:
        raw = json.loads(_read(folder, CARD))
    except PermissionError as error:
        raise DualhashError(not_readable(folder / CARD)) from error
    except OSError as error:
        raise DualhashError(
            f"{folder} is not a model folder: it has no readable {CARD}. "
            "`dualhash train` writes model folders."
        ) from error
    except ValueError as error:
        raise DualhashError(f"{folder / CARD} is damaged: it is not JSON.") from error
    version = raw.get("format") if isinstance(raw, dict) else None
    if not isinstance(version, int):
        raise DualhashError(f"{folder} is not a model folder: {CARD} has no format number.")
    if version > FORMAT:
        raise DualhashError(
            f"{folder} has format {version}, but this version of dualhash reads formats up to "
            f"{FORMAT}; upgrade dualhash."
        )
    try:
        return ModelCard.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise DualhashError(f"{folder / CARD} is damaged: {field}: {first['msg']}.") from error


def _read_checked(folder: Path, name: str, card: ModelCard) -> bytes:
    try:
        content = _read(folder, name)
    except PermissionError as error:
        raise DualhashError(not_readable(folder / name)) from error
    except OSError as error:
        raise DualhashError(
            f"{folder} is incomplete: {name} cannot be read. Copy the whole folder again."
        ) from error
    if sha256(content).hexdigest() != card.files.get(name):
        raise DualhashError(
            f"{folder / name} is damaged or belongs to another model: it is not the file that "
            f"{CARD} describes. Copy the whole folder again, or train again."
        )
    return content


def _sync(folder: Path) -> None:
    """Makes renames in `folder` durable; only POSIX systems need this step."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
