"""What is wrong in a catalogue: images that are not there or damaged, labels that teach nothing."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import (
    MISSING,
    TEST,
    TRAIN_ATTRIBUTE,
    TRAIN_BOTH,
    TRAIN_CATEGORY,
    Catalogue,
)
from dualhash.catalogue.images import ImageError, probe
from dualhash.catalogue.problems import Problem


def existing(files: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) bool, which of the paths are files; each folder is listed once, which is quick."""
    folders: dict[str, set[str]] = {}
    for folder in {os.path.dirname(file) for file in files}:  # noqa: PTH120 - paths are text here
        try:
            with os.scandir(folder or ".") as entries:
                folders[folder] = {entry.name for entry in entries if entry.is_file()}
        except OSError:
            folders[folder] = set()

    def exists(file: str) -> bool:
        folder, name = os.path.split(file)
        # A name that is not listed as it is written may still be found, by its case for one.
        return name in folders[folder] or os.path.isfile(file)  # noqa: PTH113

    return np.fromiter(map(exists, files), bool, len(files))


def check_labels(catalogue: Catalogue) -> tuple[Problem, ...]:
    """Categories with one image, and attributes that are never labelled, present or absent.

    Attributes are judged by the labels that training sees, or by all of them where there is no
    training subset.
    """
    known = catalogue.categories >= 0
    counts = np.bincount(catalogue.categories + 1)
    single = np.flatnonzero(known & (counts[catalogue.categories + 1] == 1))
    problems = [
        Problem(
            catalogue.where(row),
            f"category {catalogue.names.categories[catalogue.categories[row]]!r} has one image",
        )
        for row in single.tolist()
    ]
    trained = bool(((catalogue.subsets >= 0) & (catalogue.subsets != TEST)).any())
    seen = catalogue.visible() if trained else catalogue
    present = seen.attributes.sum(axis=0)
    labelled = seen.observed.sum(axis=0)
    among = " in the training subsets" if trained else ""
    for j, name in enumerate(catalogue.names.attributes):
        if labelled[j] == 0:
            what = "labelled"
        elif present[j] == 0:
            what = "present"
        elif present[j] == labelled[j]:
            what = "absent"
        else:
            continue
        problems.append(Problem(catalogue.where(), f"attribute {name!r} is never {what}{among}"))
    return tuple(problems)


def untrainable(catalogue: Catalogue) -> str | None:
    """Why nothing can be learned from a catalogue; None where there is something to learn."""
    rows = catalogue.rows(TRAIN_BOTH, TRAIN_ATTRIBUTE, TRAIN_CATEGORY)
    if not len(rows):
        return (
            f"{catalogue.source} has no images to train on: none is in train-both, "
            "train-attribute or train-category."
        )
    seen = catalogue.take(rows).visible()
    return unlearnable(catalogue, seen.categories, seen.observed)


def unlearnable(
    catalogue: Catalogue, categories: NDArray[np.int64], observed: NDArray[np.bool_]
) -> str | None:
    """Why labels teach nothing; None where they teach something.

    Args:
        catalogue: For its names.
        categories: (n,) of the images trained on.
        observed: (n, p) which attributes are labelled.
    """
    seen = np.unique(categories[categories != MISSING])
    if not len(seen) and not observed.any():
        return f"No training image of {catalogue.source} has a category or an attribute."
    if len(seen) == 1:
        return (
            f"All training images have the category {catalogue.names.categories[seen[0]]!r}: "
            "at least two categories are needed. Name another category column, or leave it out."
        )
    return None


@dataclass(frozen=True)
class CheckedImages:
    """A catalogue after all its image files were read.

    Attributes:
        catalogue: Without the images that cannot be decoded; they are problems now.
        sizes: (M, 2) int64, height and width in pixels, as stored, of its images that are there.
    """

    catalogue: Catalogue
    sizes: NDArray[np.int64]


def check_images(
    catalogue: Catalogue, progress: Callable[[int, int], None] | None = None
) -> CheckedImages:
    """Reads every image file that is there, in threads, and leaves out those that are damaged.

    Images that are not there stay: whoever read the catalogue left them out or said how many they
    are, as of a data set of which only the labels are at hand.

    Args:
        catalogue: What to check.
        progress: Called with the number of files read and the number of all.
    """
    there = np.flatnonzero(existing([str(image) for image in catalogue.images])).tolist()
    sizes, damaged, left_out = [], [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        probed = pool.map(_probed, [catalogue.images[row] for row in there])
        for done, (row, found) in enumerate(zip(there, probed, strict=True), start=1):
            if isinstance(found, ImageError):
                damaged.append(Problem(catalogue.where(row), str(found), fatal=True))
                left_out.append(row)
            else:
                sizes.append(found)
            if progress is not None:
                progress(done, len(there))
    usable = catalogue.take(np.delete(np.arange(len(catalogue)), left_out))
    known = set(catalogue.problems)
    revealed = (problem for problem in check_labels(usable) if problem not in known)
    problems = (*catalogue.problems, *damaged, *(revealed if damaged else ()))
    return CheckedImages(
        replace(usable, problems=problems), np.array(sizes, np.int64).reshape(-1, 2)
    )


def _probed(path: Path) -> tuple[int, int] | ImageError:
    try:
        return probe(path)
    except ImageError as error:
        return error
