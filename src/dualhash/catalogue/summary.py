"""A catalogue in figures, plain enough for JSON."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.catalogue.catalogue import SUBSETS, Catalogue
from dualhash.catalogue.check import untrainable
from dualhash.catalogue.problems import Problem

Size = tuple[int, int]


class AttributeSummary(BaseModel):
    """Label counts of one attribute.

    Attributes:
        present: Images that have it, in all subsets.
        absent: Images that are known not to have it.
        missing: Images of which it is not known.
        class_ratio: r_j, negatives / positives over the labels that training sees; None without a
            positive there.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    present: int
    absent: int
    missing: int
    class_ratio: float | None


class CatalogueSummary(BaseModel):
    """What was understood of a catalogue.

    Attributes:
        source: What was read.
        images: N, the images that can be used.
        left_out: Rows that cannot be used; `problems` says why.
        smallest: (height, width) in pixels of the image with the fewest; None if not looked at.
        largest: The same of the one with the most.
        subsets: Number of images in each of `SUBSETS`, and in none of them under "none".
        categories: Number of images in each category, in the order of the indices.
        uncategorised: Images without a category.
        attributes: One entry an attribute, in the order of the indices.
        problems: All findings, and why it cannot be trained on.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    images: int
    left_out: int
    smallest: Size | None
    largest: Size | None
    subsets: dict[str, int]
    categories: dict[str, int]
    uncategorised: int
    attributes: tuple[AttributeSummary, ...]
    problems: tuple[Problem, ...]


def summarise(catalogue: Catalogue, sizes: NDArray[np.int64] | None = None) -> CatalogueSummary:
    """Counts labels, subsets and problems.

    Args:
        catalogue: What to summarise.
        sizes: (M, 2) heights and widths of its images in pixels, if they were looked at.
    """
    names = catalogue.names
    in_category = np.bincount(catalogue.categories + 1, minlength=len(names.categories) + 1)
    in_subset = np.bincount(catalogue.subsets + 1, minlength=len(SUBSETS) + 1)
    by_area = [] if sizes is None else sorted(map(tuple, sizes.tolist()), key=lambda s: s[0] * s[1])
    return CatalogueSummary(
        source=catalogue.source,
        images=len(catalogue),
        left_out=sum(problem.fatal for problem in catalogue.problems),
        smallest=by_area[0] if by_area else None,
        largest=by_area[-1] if by_area else None,
        subsets=dict(zip((*SUBSETS, "none"), np.roll(in_subset, -1).tolist(), strict=True)),
        categories=dict(zip(names.categories, in_category[1:].tolist(), strict=True)),
        uncategorised=int(in_category[0]),
        attributes=_attributes(catalogue),
        problems=catalogue.problems + _refused(catalogue),
    )


def _refused(catalogue: Catalogue) -> tuple[Problem, ...]:
    """What `dualhash train` would say, if it refuses the catalogue."""
    reason = untrainable(catalogue)
    return (Problem(catalogue.where(), f"cannot be trained on: {reason}"),) if reason else ()


def _attributes(catalogue: Catalogue) -> tuple[AttributeSummary, ...]:
    present = catalogue.attributes.sum(axis=0, dtype=np.int64)
    observed = catalogue.observed.sum(axis=0)
    ratios = catalogue.class_ratios()
    return tuple(
        AttributeSummary(
            name=name,
            present=int(present[j]),
            absent=int(observed[j] - present[j]),
            missing=int(len(catalogue) - observed[j]),
            class_ratio=float(ratios[j]) if np.isfinite(ratios[j]) else None,
        )
        for j, name in enumerate(catalogue.names.attributes)
    )
