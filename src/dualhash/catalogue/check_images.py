"""Reads every image file of a catalogue to find those that are damaged."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.array_cache import Report
from dualhash.catalogue.catalogue import Catalogue
from dualhash.catalogue.check_labels import check_labels
from dualhash.catalogue.images import ImageError, probe
from dualhash.catalogue.problems import MANY, CatalogueProblem, counted_by_type


def check_images(
    catalogue: Catalogue, progress: Report | None = None
) -> tuple[Catalogue, NDArray[np.int64]]:
    """Reads every image file that exists, in threads, and leaves out those that are damaged.

    Images that do not exist stay: the reader of the catalogue has left them out already, or has
    reported their number, as for a data set with labels only.

    Args:
        catalogue: What to check.
        progress: Called with the number of images checked and the number of all.

    Returns:
        The catalogue without the images that cannot be decoded; they are among its problems.
        (M, 2) int64, height and width in pixels, as stored, of its images that exist.
    """
    sizes, damaged = [], {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for row, result in enumerate(pool.map(_probe, catalogue.images)):
            if isinstance(result, ImageError):
                damaged[row] = str(result)
            elif result is not None:
                sizes.append(result)
            if progress is not None:
                progress(row + 1, len(catalogue))
    problems = list(catalogue.problems)
    usable = catalogue.take(np.delete(np.arange(len(catalogue)), list(damaged)))
    if damaged:
        if len(damaged) > MANY:
            kinds = counted_by_type(catalogue.images[row] for row in damaged)
            message = f"image files that cannot be read: {kinds}"
            problems += [CatalogueProblem(catalogue.location(), message)]
        problems += [
            CatalogueProblem(catalogue.location(row), message, fatal=True)
            for row, message in damaged.items()
        ]
        problems += [problem for problem in check_labels(usable) if problem not in problems]
    checked = replace(usable, problems=tuple(problems))
    return checked, np.array(sizes, np.int64).reshape(-1, 2)


def _probe(path: Path) -> tuple[int, int] | ImageError | None:
    """Height and width, or what is wrong; None if the file does not exist."""
    try:
        return probe(path) if os.path.isfile(path) else None  # noqa: PTH113
    except ImageError as error:
        return error
