"""From a catalogue or image files to an index."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

from dualhash.catalogue.catalogue import MISSING, Catalogue
from dualhash.codes.encoder import Failure, Progress
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.search.results import Labels

BATCH = 1024
"""Images encoded and added at a time."""


@dataclass(frozen=True)
class BuildReport:
    """What became of the images.

    Attributes:
        count: How many were added.
        failures: Those that are not, with reasons.
    """

    count: int
    failures: tuple[Failure, ...]


def build_index(
    model: Model,
    images: Catalogue | Sequence[Path | str],
    out: str | Path,
    *,
    views: int = 1,
    replace: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Encodes images and writes an index of them.

    The index appears, or replaces the one that is there, when it is complete.

    Args:
        model: What encodes.
        images: A catalogue, whose labels and rows are kept with the codes, or bare image files.
        out: The index file to make.
        views: 1, or 10 to average the outputs of corners, centre and mirrors of each image.
        replace: Whether an index that is there may be replaced.
        progress: Called with how many images are done and how many there are.

    Raises:
        DualhashError: The file exists or cannot be written, or no image at all can be read.
    """
    with Index.unfinished(out, model, views=views, replace=replace) as index:
        return add_images(index, images, progress=progress)


def add_images(
    index: Index,
    images: Catalogue | Sequence[Path | str],
    *,
    progress: Progress | None = None,
) -> BuildReport:
    """Encodes images as those of an index were and adds them to it, some at a time.

    Each batch of images is there for good as soon as it is added.

    Args:
        index: An open index; its model encodes.
        images: A catalogue, whose labels and rows are kept with the codes, or bare image files.
        progress: Called with how many images are done and how many there are.

    Raises:
        DualhashError: The index cannot be written, or no image at all can be read.
    """
    paths = images.images if isinstance(images, Catalogue) else [Path(path) for path in images]
    if not paths:
        raise DualhashError("There are no images to index.")
    failures: list[Failure] = []
    for start in range(0, len(paths), BATCH):
        encoded = index.model.encode(
            paths[start : start + BATCH],
            views=index.header.views,
            progress=progress and _shifted(progress, start, len(paths)),
        )
        failures += [_placed(failure, images, start) for failure in encoded.failures]
        rows = [start + int(row) for row in encoded.rows]
        index.add(
            encoded.codes,
            [paths[row] for row in rows],
            [_payload(images, row) for row in rows],
            [_labels(images, row) for row in rows],
        )
    if len(failures) == len(paths):
        raise DualhashError(
            f"None of the {len(paths)} images can be read; the first: {failures[0].reason}"
        )
    return BuildReport(len(paths) - len(failures), tuple(failures))


def _placed(failure: Failure, images: Catalogue | Sequence[Path | str], start: int) -> Failure:
    """A failure among images from `start` on, with the row of the table that names its image."""
    row = start + failure.row
    if not isinstance(images, Catalogue) or images.row_numbers is None:
        return changed(failure, row=row)
    return changed(failure, row=row, reason=f"{images.where(row)}: {failure.reason}")


def _shifted(progress: Progress, start: int, total: int) -> Progress:
    return lambda done, _: progress(start + done, total)


def _payload(images: Catalogue | Sequence[Path | str], row: int) -> dict[str, object]:
    return images.payload.row(row, named=True) if isinstance(images, Catalogue) else {}


def _labels(images: Catalogue | Sequence[Path | str], row: int) -> Labels:
    if not isinstance(images, Catalogue):
        return Labels()
    category = images.categories[row]
    observed = images.observed[row]
    return Labels(
        None if category == MISSING else images.names.categories[category],
        {
            name: bool(value)
            for name, value, known in zip(
                images.names.attributes, images.attributes[row], observed, strict=True
            )
            if known
        },
    )
