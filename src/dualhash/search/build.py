"""From a catalogue or image files to an index."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING, Catalogue
from dualhash.codes.encoder import Failure, Progress
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.search.index import Index
from dualhash.search.results import ItemLabels

BATCH = 1024
"""Images encoded and added at a time."""


@dataclass(frozen=True)
class BuildReport:
    """What became of the images.

    Attributes:
        count: How many were added.
        failures: Those that cannot be read, with reasons.
        updated: How many took the place of what was there of them.
        unchanged: How many were there and were left as they were.
    """

    count: int
    failures: tuple[Failure, ...]
    updated: int = 0
    unchanged: int = 0


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
    update: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Encodes images as those of an index were and adds them to it, some at a time.

    Each batch of images is there for good as soon as it is added. Images of which there are items,
    told by their paths, are left as they are, also those that another program adds meanwhile. An
    image that is listed n times becomes n items.

    Args:
        index: An open index; its model encodes.
        images: A catalogue, whose labels and rows are kept with the codes, or bare image files.
        update: Encode images that are there, too, and replace what is kept of them; their ids stay.
        progress: Called with how many images are done and how many are to be encoded.

    Raises:
        DualhashError: The index cannot be written, or no image at all can be read.
    """
    paths = images.images if isinstance(images, Catalogue) else [Path(path) for path in images]
    if not paths:
        raise DualhashError("There are no images to index.")
    with index.changing():
        here, seen = index.find(paths), index.state.next_id
    rows = [row for row, item in enumerate(here) if update or item is None]
    count = updated = 0
    failures: list[Failure] = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        encoded = index.model.encode(
            [paths[row] for row in batch],
            views=index.header.views,
            progress=progress and _shifted(progress, start, len(rows)),
        )
        failures += [_placed(failure, images, batch[failure.row]) for failure in encoded.failures]
        done = [batch[int(row)] for row in encoded.rows]
        with index.changing():
            if index.state.next_id > seen:
                lacking = [row for row in rows[start:] if here[row] is None]
                found = index.find([paths[row] for row in lacking], start=seen)
                for row, item in zip(lacking, found, strict=True):
                    here[row] = item
            there = np.array([here[row] is not None for row in done], np.bool_)
            index.add(encoded.codes[~there], *_kept(images, paths, done, ~there))
            if update and there.any():
                ids = [item for row in done if (item := here[row]) is not None]
                index.replace(ids, encoded.codes[there], *_kept(images, paths, done, there))
            seen = index.state.next_id
        updated += int(there.sum()) if update else 0
        count += len(done) - int(there.sum())
    if len(failures) == len(paths):
        raise DualhashError(
            f"None of the {len(paths)} images can be read; the first: {failures[0].reason}"
        )
    unchanged = len(paths) - count - updated - len(failures)
    return BuildReport(count, tuple(failures), updated, unchanged)


def _placed(failure: Failure, images: Catalogue | Sequence[Path | str], row: int) -> Failure:
    """A failure with the row of the table that names its image."""
    if not isinstance(images, Catalogue) or images.row_numbers is None:
        return changed(failure, row=row)
    return changed(failure, row=row, reason=f"{images.where(row)}: {failure.reason}")


def _shifted(progress: Progress, start: int, total: int) -> Progress:
    return lambda done, _: progress(start + done, total)


def _kept(
    images: Catalogue | Sequence[Path | str],
    paths: Sequence[Path],
    rows: Sequence[int],
    chosen: NDArray[np.bool_],
) -> tuple[list[Path], list[dict[str, object]], list[ItemLabels]]:
    """Paths, payloads and labels of the chosen ones of some rows."""
    some = [row for row, is_chosen in zip(rows, chosen, strict=True) if is_chosen]
    return (
        [paths[row] for row in some],
        [_payload(images, row) for row in some],
        [_labels(images, row) for row in some],
    )


def _payload(images: Catalogue | Sequence[Path | str], row: int) -> dict[str, object]:
    return images.payload.row(row, named=True) if isinstance(images, Catalogue) else {}


def _labels(images: Catalogue | Sequence[Path | str], row: int) -> ItemLabels:
    if not isinstance(images, Catalogue):
        return ItemLabels()
    category = images.categories[row]
    observed = images.observed[row]
    return ItemLabels(
        None if category == MISSING else images.names.categories[category],
        {
            name: bool(value)
            for name, value, known in zip(
                images.names.attributes, images.attributes[row], observed, strict=True
            )
            if known
        },
    )
