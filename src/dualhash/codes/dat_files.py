"""The `.dat` files of codes that the released code passes from its network to its MATLAB scripts.

They hold little-endian float32 numbers, image by image, without a header: `code.dat` the k outputs
of the hash layer, `attribute.dat` the p attribute probabilities predicted from these outputs, and
`label.dat` the index of the category. The numbers of values per image follow from the file sizes.

Names of images are not part of the format. `write_dat` writes them into `images.txt`, one per
line, which the scripts ignore.

Source: the README of the released code, its extraction tool and its `test.m`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.code_file import SavedCodes, check_saved
from dualhash.codes.packing import check_bits
from dualhash.errors import DualhashError
from dualhash.files import write_whole

FILES = CODES, LABELS, ATTRIBUTES, IMAGES = "code.dat", "label.dat", "attribute.dat", "images.txt"

FLOAT = np.dtype("<f4")

MOST_LABELS = 2**24
"""float32 represents all integers below this number exactly."""


def write_dat(folder: Path, codes: SavedCodes) -> None:
    """Writes the three files, and `images.txt` if the names are known.

    The scripts rank by all outputs in `code.dat`, so it holds only those of the ranking bits.

    Args:
        folder: The folder; files with these names are replaced one by one.
        codes: Codes of N images.

    Raises:
        DualhashError: There are too many categories for float32, a name has a line break, or the
            folder cannot be written.
    """
    if codes.labels.max(initial=0) >= MOST_LABELS:
        raise DualhashError(f"{LABELS} can hold only category indices below {MOST_LABELS:,}.")
    broken = [name for name in codes.images if name.splitlines() not in ([name], [])]
    if broken:
        raise DualhashError(f"The name {broken[0]!r} has a line break, which {IMAGES} cannot hold.")
    for name, values in (
        (CODES, codes.outputs[:, : codes.ranking_bits]),
        (ATTRIBUTES, codes.probabilities),
        (LABELS, codes.labels),
    ):
        write_whole(folder / name, values.astype(FLOAT).tobytes())
    if codes.images:
        write_whole(folder / IMAGES, "".join(f"{name}\n" for name in codes.images))
    else:
        (folder / IMAGES).unlink(missing_ok=True)


def read_dat(folder: Path) -> SavedCodes:
    """Reads the three files, and `images.txt` if it exists.

    Raises:
        DualhashError: A file is missing or cannot be read, sizes do not match, labels are not
            integers, or other values are outside [0, 1].
    """
    labels = _numbers(folder / LABELS)
    if not len(labels):
        raise DualhashError(f"{folder / LABELS} is empty.")
    if not (np.isfinite(labels).all() and (labels >= 0).all() and (labels % 1 == 0).all()):
        raise DualhashError(f"{folder / LABELS} must hold category indices, integers of 0 or more.")
    codes = SavedCodes(
        outputs=_rows(folder / CODES, len(labels)),
        probabilities=_rows(folder / ATTRIBUTES, len(labels)),
        labels=labels.astype(np.int64),
        images=_names(folder / IMAGES),
    )
    check_bits(codes.outputs.shape[1])
    check_saved(codes, folder)
    return codes


def _numbers(path: Path) -> NDArray[np.float32]:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DualhashError(
            f"{path} is missing; the folder must hold {CODES}, {LABELS} and {ATTRIBUTES}."
        ) from error
    except OSError as error:
        raise DualhashError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(content) % FLOAT.itemsize:
        raise DualhashError(
            f"{path} has {len(content):,} bytes, which is not a multiple of 4: the file is "
            "incomplete. Copy it again."
        )
    return np.frombuffer(content, FLOAT).astype(np.float32)


def _rows(path: Path, images: int) -> NDArray[np.float32]:
    numbers = _numbers(path)
    if len(numbers) % images:
        raise DualhashError(
            f"{path} has {len(numbers):,} numbers, which is not a multiple of the {images:,} "
            f"images of {LABELS}: the files do not belong together."
        )
    return numbers.reshape(images, -1)


def _names(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise DualhashError(f"{path} cannot be read: {error}.") from error
