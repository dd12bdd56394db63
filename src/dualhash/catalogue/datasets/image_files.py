"""Finding the image files that label files name."""

from collections.abc import Sequence
from pathlib import Path

from dualhash.catalogue.check import existing
from dualhash.catalogue.problems import Problem


def locate(
    root: Path, candidates: Sequence[Sequence[str]]
) -> tuple[tuple[Path, ...], tuple[Problem, ...]]:
    """The path of each image, and one problem if some are not there.

    Args:
        root: The folder of the data set.
        candidates: For each image the paths, relative to `root`, at which it may be; the first is
            returned for an image that is at none.
    """
    files = [[f"{root}/{place}" for place in places] for places in candidates]
    there = iter(existing([file for places in files for file in places]).tolist())
    images, missing = [], 0
    for places in files:
        found = [place for place in places if next(there)]
        missing += not found
        images.append(Path((found or places)[0]))
    if not missing:
        return tuple(images), ()
    what = (
        f"{missing:,} of {len(images):,} image files are not under {root}; "
        "labels are shown all the same"
    )
    return tuple(images), (Problem(str(root), what),)
