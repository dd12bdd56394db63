"""Codes in an `.npz` file, without the model that computed them."""

from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError
from dualhash.files import not_readable, write_whole

ARRAYS = {"outputs": ("f", 2), "probabilities": ("f", 2), "labels": ("i", 1), "images": ("U", 1)}
"""Arrays in the file: by name, the kind of their dtype and the number of dimensions."""

RANKING_BITS = "ranking_bits"
"""A further array in the file, one integer, if not all bits rank."""


@dataclass(frozen=True, eq=False)
class SavedCodes:
    """Codes, attribute probabilities and categories of N images.

    Attributes:
        outputs: Hash-layer outputs, (N, k) float32 in [0, 1]; 0 and 1 if only bits are known.
        probabilities: Probability of each attribute, (N, p) float32 in [0, 1].
        labels: Indices of categories, (N,) int64, 0 or more.
        images: N names of images; empty if they are not known.
        ranking_bits: Number of leading bits whose Hamming distance ranks; None for all.
    """

    outputs: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    images: tuple[str, ...] = ()
    ranking_bits: int | None = None

    def __len__(self) -> int:
        return len(self.outputs)

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of what all figures depend on: outputs, probabilities, ranking bits."""
        digest = sha256()
        for array in (self.outputs, self.probabilities):
            digest.update(np.ascontiguousarray(array).tobytes())
        if self.ranking_bits is not None:
            digest.update(str(self.ranking_bits).encode())
        return digest.hexdigest()


def write_saved(path: Path, codes: SavedCodes) -> None:
    """Writes the file in one step.

    Raises:
        DualhashError: The file cannot be written; an existing one is unchanged.
    """
    content = BytesIO()
    ranking_bits: dict[str, Any] = {}
    if codes.ranking_bits is not None:
        ranking_bits[RANKING_BITS] = np.array(codes.ranking_bits)
    np.savez_compressed(
        content,
        outputs=codes.outputs,
        probabilities=codes.probabilities,
        labels=codes.labels,
        images=np.array(codes.images, np.str_),
        **ranking_bits,
    )
    write_whole(path, content.getvalue())


def read_saved(path: Path) -> SavedCodes:
    """Reads a file that `write_saved` wrote.

    Raises:
        DualhashError: The file is missing, damaged, or of another kind.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ARRAYS}
            ranking_bits = int(file[RANKING_BITS]) if RANKING_BITS in file else None
    except FileNotFoundError as error:
        raise DualhashError(f"{path} does not exist.") from error
    except PermissionError as error:
        raise DualhashError(not_readable(path)) from error
    except Exception as error:  # numpy raises many kinds of error for damaged files
        raise _not_saved(path) from error
    if {name: (array.dtype.kind, array.ndim) for name, array in arrays.items()} != ARRAYS:
        raise _not_saved(path)
    codes = SavedCodes(
        outputs=arrays["outputs"].astype(np.float32),
        probabilities=arrays["probabilities"].astype(np.float32),
        labels=arrays["labels"].astype(np.int64),
        images=tuple(arrays["images"].tolist()),
        ranking_bits=ranking_bits,
    )
    check_saved(codes, path)
    return codes


def _not_saved(path: Path) -> DualhashError:
    return DualhashError(
        f"{path} is not a file of codes written by `dualhash codes import`, or it is damaged."
    )


def check_saved(codes: SavedCodes, source: Path) -> None:
    """Checks that arrays match, no image is named twice, and values are in [0, 1].

    Raises:
        DualhashError: They do not; the message names `source`.
    """
    counts = {len(codes.outputs), len(codes.probabilities), len(codes.labels)}
    if codes.images:
        counts.add(len(codes.images))
    if len(counts) > 1:
        raise DualhashError(f"{source} holds arrays of different lengths: {sorted(counts)} images.")
    if len(set(codes.images)) < len(codes.images):
        raise DualhashError(f"{source} names an image more than once.")
    for what, values in (("codes", codes.outputs), ("attributes", codes.probabilities)):
        wrong = ~((values >= 0) & (values <= 1)).all(axis=1)
        if wrong.any():
            raise DualhashError(
                f"{source} has {what} outside 0 to 1, first for image {int(wrong.argmax())}; they "
                "must be outputs of sigmoids."
            )
