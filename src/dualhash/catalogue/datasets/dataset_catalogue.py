"""Builds the catalogue of a data set from arrays of labels, and finds its image files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dualhash.catalogue import parse_labels
from dualhash.catalogue.catalogue import SUBSETS, Catalogue, LabelNames
from dualhash.catalogue.columns import Columns
from dualhash.catalogue.problems import CatalogueProblem
from dualhash.files import existing_files


def dataset_catalogue(
    source: str,
    images: Sequence[Path],
    references: Sequence[str],
    names: LabelNames,
    *,
    categories: NDArray[np.int64],
    attributes: NDArray[np.int8],
    observed: NDArray[np.bool_],
    subsets: NDArray[np.int8],
    problems: Sequence[CatalogueProblem] = (),
    group: str | None = None,
    **payload: Sequence[str],
) -> Catalogue:
    """A catalogue with the columns image, category and subset, and those of `payload`.

    `group` is the column of `payload` that says which images belong together. The other arguments
    are the fields of `Catalogue`.
    """
    category_cells = [names.categories[i] if i >= 0 else None for i in categories.tolist()]
    subset_cells = [SUBSETS[i] if i >= 0 else None for i in subsets.tolist()]
    cells = {"image": references, "category": category_cells, "subset": subset_cells} | payload
    frame = pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.String))
    return Catalogue(
        source=source,
        images=tuple(images),
        references=tuple(references),
        names=names,
        categories=categories,
        attributes=attributes,
        observed=observed,
        subsets=subsets,
        payload=frame,
        columns=Columns(
            category="category", attributes=names.attributes, subset="subset", group=group
        ),
        problems=tuple(problems),
        groups=None if group is None else parse_labels.groups(frame[group]),
    )


def find_images(
    root: Path, candidates: Sequence[Sequence[str]]
) -> tuple[list[Path], list[CatalogueProblem]]:
    """The path of each image, and one problem if some do not exist.

    Args:
        root: The folder of the data set.
        candidates: The possible paths of each image, relative to `root`. The first is returned for
            an image that is at none of them.
    """
    files = [[f"{root}/{place}" for place in places] for places in candidates]
    exists = iter(existing_files([file for places in files for file in places]))
    images, missing = [], 0
    for places in files:
        found = [place for place in places if next(exists)]
        missing += not found
        images.append(Path((found or places)[0]))
    message = (
        f"{missing:,} of {len(images):,} image files are not under {root}; their labels are kept"
    )
    return images, [CatalogueProblem(str(root), message)] if missing else []
