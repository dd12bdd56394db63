"""Labels that teach nothing, and the reasons why training refuses a catalogue."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import MISSING, Catalogue, LabelNames, Subset, count_labels
from dualhash.catalogue.parse_labels import is_any_of, text
from dualhash.catalogue.problems import CatalogueProblem, shortened

TRAINING = (Subset.TRAIN_BOTH, Subset.TRAIN_ATTRIBUTE, Subset.TRAIN_CATEGORY)

COMMON_VALUES = 3
"""How many values of a facet are named if none becomes an attribute."""


def check_labels(catalogue: Catalogue) -> tuple[CatalogueProblem, ...]:
    """Categories with one image, and attributes that are never labelled, present or absent.

    Attributes are checked on the labels that training sees, or on all labels if the catalogue has
    no training subset.
    """
    _, first, counts = np.unique(catalogue.categories, return_index=True, return_counts=True)
    problems = [
        CatalogueProblem(
            catalogue.location(row),
            f"category {catalogue.names.categories[catalogue.categories[row]]!r} has one image",
        )
        for row in np.sort(first[counts == 1]).tolist()
        if catalogue.categories[row] != MISSING
    ]
    trained = len(catalogue.rows(*TRAINING)) > 0
    seen = catalogue.visible() if trained else catalogue
    present, absent = count_labels(seen.attributes, seen.observed)
    never = np.select(
        [present + absent == 0, present == 0, absent == 0], ["labelled", "present", "absent"], ""
    )
    where = " in the training subsets" if trained else ""
    problems += [
        CatalogueProblem(catalogue.location(), f"attribute {name!r} is never {what}{where}")
        for name, what in zip(catalogue.names.attributes, never, strict=True)
        if what
    ]
    return tuple(problems)


def unknown_labels(catalogue: Catalogue, model: LabelNames) -> tuple[CatalogueProblem, ...]:
    """What a catalogue and a model do not share, one problem each for categories and attributes.

    Args:
        catalogue: It was read like `model`.
        model: The names that the model was trained with.
    """
    columns, categories = catalogue.columns, catalogue.names.categories
    used = [categories[i] for i in np.unique(catalogue.categories) if i != MISSING]
    facets = {name.partition("=")[0] for name in model.attributes if "=" in name}
    labels = {
        "categories": (used, model.categories, ""),
        "attribute columns": (columns.attributes, model.attributes, "; their labels are ignored"),
        "facet columns": (columns.facets, facets, "; their values are ignored"),
    }
    messages = []
    for kind, (given, known, effect) in labels.items():
        if unknown := [repr(name) for name in given if name not in known]:
            messages.append(
                f"the model was not trained on {len(unknown):,} of {len(given):,} {kind}: "
                f"{shortened(unknown)}{effect}"
            )
    if catalogue.row_numbers is not None and model.categories and not used:
        messages.append("no row has a category; the model has categories")
    if catalogue.row_numbers is not None and model.attributes and not catalogue.observed.any():
        names = shortened([repr(name) for name in model.attributes])
        messages.append(f"no row has a label for the model's attributes: {names}")
    return tuple(CatalogueProblem(catalogue.source, message) for message in messages)


def training_refusals(catalogue: Catalogue) -> tuple[str, ...]:
    """Why training refuses a catalogue, the worst cause first; empty if it does not."""
    refusals = facets_without_attribute(catalogue)
    rows = catalogue.rows(*TRAINING)
    seen = catalogue.take(rows).visible()
    if not len(rows):
        refusals.append(
            f"{catalogue.source} has no images to train on: none is in train-both, "
            "train-attribute or train-category."
        )
    elif reason := too_few_labels(catalogue, seen.categories, seen.observed):
        refusals.append(reason)
    left_out = [problem for problem in catalogue.problems if problem.fatal]
    if refusals and len(left_out) > len(catalogue):
        refusals.insert(
            0,
            f"{len(left_out):,} of {len(left_out) + len(catalogue):,} images were left out, "
            f"such as {left_out[0]}.",
        )
    return tuple(refusals)


def too_few_labels(
    catalogue: Catalogue, categories: NDArray[np.int64], observed: NDArray[np.bool_]
) -> str | None:
    """Why nothing can be learned from these labels; None if something can.

    Args:
        catalogue: For its names.
        categories: (n,) int64, category indices of the training images.
        observed: (n, p) bool, which attributes are labelled.
    """
    seen = np.unique(categories[categories != MISSING])
    if not len(seen) and not observed.any():
        return f"No training image of {catalogue.source} has a category or an attribute."
    if len(seen) == 1:
        return (
            f"All training images have the category {catalogue.names.categories[seen[0]]!r}, but "
            "at least two categories are needed. Choose another category column, or leave it out."
        )
    return None


def facets_without_attribute(catalogue: Catalogue) -> list[str]:
    """One message for each facet that has no value which becomes an attribute."""
    columns, messages = catalogue.columns, []
    for facet in columns.facets:
        if any(name.startswith(f"{facet}=") for name in catalogue.names.attributes):
            continue
        cells = text(catalogue.payload[facet])
        counts = Counter(cells.filter(~is_any_of(cells, columns.missing_values)).drop_nulls())
        common = ", ".join(f"{value!r} ({n:,})" for value, n in counts.most_common(COMMON_VALUES))
        reason = (
            f"no value has at least {columns.min_positives:,} images; most common: {common}. Lower "
            "--min-positives, or"
            if counts
            else "its column is empty;"
        )
        messages.append(f"The facet {facet!r} gives no attribute: {reason} leave it out.")
    return messages
