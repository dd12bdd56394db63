"""A catalogue in figures, ready for JSON."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.catalogue.catalogue import SUBSETS, Catalogue, count_labels
from dualhash.catalogue.check_labels import training_refusals
from dualhash.catalogue.problems import CatalogueProblem

Size = tuple[int, int]


class AttributeSummary(BaseModel):
    """Label counts of one attribute.

    Attributes:
        present: Images that have it, in all subsets.
        absent: Images that do not have it.
        missing: Images without a label for it.
        class_ratio: Negatives / positives over the labels that training sees; None if it sees no
            positive.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    present: int
    absent: int
    missing: int
    class_ratio: float | None


class CatalogueSummary(BaseModel):
    """Counts and problems of a catalogue.

    Attributes:
        source: What was read.
        images: N, the images that can be used.
        left_out: Rows that cannot be used; `problems` gives the reasons.
        smallest: (height, width) in pixels of the image with the fewest; None if not checked.
        largest: (height, width) in pixels of the image with the most; None if not checked.
        subsets: Number of images in each of `SUBSETS`, and in no subset under "none".
        categories: Number of images in each category, in the order of the indices.
        uncategorised: Images without a category.
        attributes: One entry an attribute, in the order of the indices.
        problems: Everything that is wrong.
        training_refusals: Why training refuses the catalogue, the worst cause first.
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
    problems: tuple[CatalogueProblem, ...]
    training_refusals: tuple[str, ...]


def summarise(catalogue: Catalogue, sizes: NDArray[np.int64] | None = None) -> CatalogueSummary:
    """Counts labels, subsets and problems.

    Args:
        catalogue: What to summarise.
        sizes: (M, 2) heights and widths of its images in pixels, if they were checked.
    """
    names = catalogue.names
    in_category = np.bincount(catalogue.categories + 1, minlength=len(names.categories) + 1)
    in_subset = np.bincount(catalogue.subsets + 1, minlength=len(SUBSETS) + 1)
    areas = [] if sizes is None else [(h * w, (h, w)) for h, w in sizes.tolist()]
    present, absent = count_labels(catalogue.attributes, catalogue.observed)
    ratios = catalogue.class_ratios()
    return CatalogueSummary(
        source=catalogue.source,
        images=len(catalogue),
        left_out=len(catalogue.left_out),
        smallest=min(areas)[1] if areas else None,
        largest=max(areas)[1] if areas else None,
        subsets=dict(zip((*SUBSETS, "none"), np.roll(in_subset, -1).tolist(), strict=True)),
        categories=dict(zip(names.categories, in_category[1:].tolist(), strict=True)),
        uncategorised=int(in_category[0]),
        attributes=tuple(
            AttributeSummary(
                name=name,
                present=present[j],
                absent=absent[j],
                missing=len(catalogue) - present[j] - absent[j],
                class_ratio=ratios[j] if np.isfinite(ratios[j]) else None,
            )
            for j, name in enumerate(names.attributes)
        ),
        problems=catalogue.problems,
        training_refusals=training_refusals(catalogue),
    )
