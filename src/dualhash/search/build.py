"""Encodes the images of a catalogue and adds them to an index."""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from hashlib import sha256
from itertools import compress
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING, Catalogue
from dualhash.codes.encoder import Failure, Progress
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.files import files_hash
from dualhash.search.index import Index
from dualhash.search.results import ItemLabels

FIRST_BATCH, LARGEST_BATCH = 64, 1024
"""Number of images that are encoded and committed at a time. For the first, every view counts."""

COMMIT_SECONDS = 5.0
"""Time between two commits that the size of batches is adapted to."""


@dataclass(frozen=True)
class BuildReport:
    """What happened to the images.

    Attributes:
        count: Number of images added.
        failures: Images that cannot be read, with reasons.
        updated: Number of images whose items were replaced.
        unchanged: Number of images that were in the index and were not encoded again. For
            `build_index`: images that an interrupted run had encoded.
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

    The index appears, or replaces an existing one, when it is complete. If the program is killed
    or interrupted, the next call with the same model, images, labels and views continues where it
    stopped; images count as the same if path, size and time of last change are.

    Args:
        model: The model that encodes.
        images: A catalogue, whose labels and rows are stored with the codes; or image files.
        out: The index file to create.
        views: 1, or 10 to average the outputs of corners, centre and mirrors of each image.
        replace: Whether an existing index may be replaced.
        progress: Called with the number of images done, and of all.

    Raises:
        DualhashError: The file exists or cannot be written, or no image can be read.
    """
    source = _fingerprint(images)
    with Index.unfinished(out, model, views=views, replace=replace, source=source) as index:
        return add_images(index, images, progress=progress)


def add_images(
    index: Index,
    images: Catalogue | Sequence[Path | str],
    *,
    update: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Encodes images with the model of an index and adds them, in batches.

    Each batch is committed as soon as it is encoded. Images that the index already contains, by
    path, are left as they are, including those that another program adds at the same time. An image
    that is listed n times becomes n items.

    Args:
        index: An open index; its model encodes.
        images: A catalogue, whose labels and rows are stored with the codes; or image files.
        update: Also encode images that the index contains, and replace their items; ids stay.
        progress: Called with the number of images done, and of those to encode.

    Raises:
        DualhashError: The index cannot be written, or no image can be read.
    """
    paths = _paths(images)
    if not paths:
        raise DualhashError("There are no images to index.")
    with index.changing():
        ids, seen = index.find(paths), index.state.next_id
    rows = [row for row, item in enumerate(ids) if update or item is None]
    count = updated = start = 0
    size = min(LARGEST_BATCH, FIRST_BATCH // index.header.views)
    failures: list[Failure] = []
    while start < len(rows):
        batch, begun = rows[start : start + size], perf_counter()
        if isinstance(images, Catalogue) and images.features is not None:
            encoded = index.model.encode_vectors(
                images.features.read_once(np.array(batch)), images.features.source
            )
            if progress:
                progress(start + len(batch), len(rows))
        else:
            encoded = index.model.encode(
                [paths[row] for row in batch],
                views=index.header.views,
                progress=progress and _shifted(progress, start, len(rows)),
            )
        failures += [_located(failure, images, batch[failure.row]) for failure in encoded.failures]
        codes, done = encoded.codes, [batch[row] for row in encoded.rows.tolist()]
        with index.changing():
            if index.state.next_id > seen:
                absent = [row for row in rows[start:] if ids[row] is None]
                found = index.find([paths[row] for row in absent], start=seen)
                for row, item in zip(absent, found, strict=True):
                    ids[row] = item
            new = np.array([ids[row] is None for row in done], np.bool_)
            index.add(codes[new], *_contents(images, paths, done, new))
            if update and not new.all():
                old = [item for row in done if (item := ids[row]) is not None]
                index.replace(old, codes[~new], *_contents(images, paths, done, ~new))
                updated += len(old)
            seen = index.state.next_id
        count += int(new.sum())
        start += len(batch)
        rate = len(batch) / max(perf_counter() - begun, 1e-3)
        size = min(LARGEST_BATCH, max(1, int(rate * COMMIT_SECONDS)))
    if len(failures) == len(paths):
        raise DualhashError(
            f"None of the {len(paths)} images can be read; the first: {failures[0].reason}"
        )
    unchanged = len(paths) - count - updated - len(failures)
    return BuildReport(count, tuple(failures), updated, unchanged)


def _paths(images: Catalogue | Sequence[Path | str]) -> list[Path]:
    return list(images.images) if isinstance(images, Catalogue) else [Path(each) for each in images]


def _fingerprint(images: Catalogue | Sequence[Path | str]) -> str:
    """Returns a hash of everything that an index of the images depends on, besides the model."""
    digest = sha256()
    if isinstance(images, Catalogue):
        digest.update(images.label_hash.encode())
        if images.features is not None:
            digest.update(images.features.hash.encode())
        for row in images.payload.iter_rows():
            digest.update(repr(row).encode())
    return files_hash(digest.hexdigest(), _paths(images))


def _located(failure: Failure, images: Catalogue | Sequence[Path | str], row: int) -> Failure:
    """Returns a failure with its row in the table."""
    if not isinstance(images, Catalogue) or images.row_numbers is None:
        return changed(failure, row=row)
    return changed(failure, row=row, reason=f"{images.location(row)}: {failure.reason}")


def _shifted(progress: Progress, start: int, total: int) -> Progress:
    return lambda done, _: progress(start + done, total)


def _contents(
    images: Catalogue | Sequence[Path | str],
    paths: Sequence[Path],
    rows: Sequence[int],
    chosen: NDArray[np.bool_],
) -> tuple[list[Path], list[dict[str, object]], list[ItemLabels]]:
    """Returns paths, payloads and labels of the chosen rows."""
    rows = list(compress(rows, chosen))
    files = [paths[row] for row in rows]
    if not isinstance(images, Catalogue):
        return files, [{}] * len(rows), [ItemLabels()] * len(rows)
    payloads = [images.payload.row(row, named=True) for row in rows]
    return files, payloads, [_labels(images, row) for row in rows]


def _labels(catalogue: Catalogue, row: int) -> ItemLabels:
    names, category = catalogue.names, catalogue.categories[row]
    known = catalogue.observed[row].nonzero()[0]
    return ItemLabels(
        None if category == MISSING else names.categories[category],
        {names.attributes[j]: bool(catalogue.attributes[row, j]) for j in known},
    )
