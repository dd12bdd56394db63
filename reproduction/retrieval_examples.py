"""Example retrievals for figures 13 and 15: names of images, labels and probabilities, no pixels.

Queries are test images; the gallery is train-both and train-attribute, as in the paper.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.catalogue.catalogue import Catalogue

QUERIES = 4
ATTRIBUTE_ENDS, COMBINED_RESULTS = 5, 10
SELECTED = 3
_ATTRIBUTE, _COMBINED = range(2)


class ResultImage(BaseModel):
    """A result.

    Attributes:
        image: Name in the table.
        category: By its label.
        right: Whether its labels are right: in attribute retrieval the selected attributes, in
            combined retrieval the category; None if they are missing.
        probabilities: Of the wanted value of each selected attribute.
        distance: In bits, if results are ranked by distance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    category: str | None
    right: bool | None
    probabilities: tuple[float, ...]
    distance: int | None = None


class Retrieval(BaseModel):
    """A query and its results.

    Attributes:
        image: Name of the query in the table.
        category: By its label.
        wanted: The selected attributes and whether they must be present.
        top: The first results.
        bottom: The last results, in order; none in combined retrieval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    category: str | None
    wanted: dict[str, bool]
    top: tuple[ResultImage, ...]
    bottom: tuple[ResultImage, ...] = ()


class RetrievalSheet(BaseModel):
    """The retrievals of a figure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retrievals: tuple[Retrieval, ...]


@dataclass(frozen=True, eq=False)
class EncodedImages:
    """Images with their codes.

    Attributes:
        catalogue: N images with their labels.
        bits: (N, k) bool.
        probabilities: (N, p), of each attribute.
    """

    catalogue: Catalogue
    bits: NDArray[np.bool_]
    probabilities: NDArray[np.floating]


def attribute_sheet(queries: EncodedImages, database: EncodedImages) -> RetrievalSheet:
    """Returns top and bottom of attribute retrieval for queries drawn with a fixed seed.

    Three attributes are selected: those that the query has by its label, then others that it does
    not have. The wanted values are those predicted from its code (section 3.5).
    """
    rng = np.random.default_rng(_ATTRIBUTE)
    able: NDArray[np.bool_] = queries.catalogue.observed.sum(axis=1) >= SELECTED
    retrievals = []
    for row in _drawn(queries.catalogue, able, rng):
        observed = np.flatnonzero(queries.catalogue.observed[row])
        present = queries.catalogue.attributes[row, observed] == 1
        selected = rng.permutation(observed[present])[:SELECTED]
        absent = rng.permutation(observed[~present])[: SELECTED - len(selected)]
        selected = np.sort(np.concatenate([selected, absent]))
        wanted = queries.probabilities[row, selected] > 0.5
        predicted = database.probabilities[:, selected]
        as_wanted = np.where(wanted, predicted, 1 - predicted)
        order = np.argsort(-as_wanted.prod(axis=1), kind="stable")
        shown = [
            _shown(database.catalogue, other, as_wanted[other], right)
            for other in (*order[:ATTRIBUTE_ENDS], *order[-ATTRIBUTE_ENDS:])
            for right in [_as_asked(database, other, selected, wanted)]
        ]
        retrievals.append(
            _retrieval(queries.catalogue, row, selected, wanted).model_copy(
                update={
                    "top": tuple(shown[:ATTRIBUTE_ENDS]),
                    "bottom": tuple(shown[ATTRIBUTE_ENDS:]),
                }
            )
        )
    return RetrievalSheet(retrievals=tuple(retrievals))


def combined_sheet(queries: EncodedImages, database: EncodedImages) -> RetrievalSheet:
    """Returns the top of combined retrieval for queries drawn with a fixed seed.

    The wanted attribute is one that the query does not have, by its label, and that at least ten
    gallery images of its category have, so that ten results can be right.
    """
    rng = np.random.default_rng(_COMBINED)
    possible = _askable(queries.catalogue, database.catalogue)
    retrievals = []
    for row in _drawn(queries.catalogue, np.asarray(possible.any(axis=1)), rng):
        j = rng.choice(np.flatnonzero(possible[row]))
        kept = np.flatnonzero(database.probabilities[:, j] >= 0.5)
        distances = (database.bits[kept] != queries.bits[row]).sum(axis=1)
        first = np.argsort(distances, kind="stable")[:COMBINED_RESULTS]
        category = queries.catalogue.categories[row]
        top = tuple(
            _shown(
                database.catalogue,
                other,
                database.probabilities[other, [j]],
                bool(database.catalogue.categories[other] == category)
                if database.catalogue.categories[other] >= 0
                else None,
                int(distance),
            )
            for other, distance in zip(kept[first], distances[first], strict=True)
        )
        found = _retrieval(queries.catalogue, row, np.array([j]), np.array([True]))
        retrievals.append(found.model_copy(update={"top": top}))
    return RetrievalSheet(retrievals=tuple(retrievals))


def _drawn(catalogue: Catalogue, able: NDArray[np.bool_], rng: np.random.Generator) -> list[int]:
    """Draws rows of `able` images with a category, from different categories if possible."""
    rows = rng.permutation(np.flatnonzero(able & (catalogue.categories >= 0)))
    _, first = np.unique(catalogue.categories[rows], return_index=True)
    apart = np.sort(first)
    others = np.setdiff1d(np.arange(len(rows)), apart)
    return [int(rows[i]) for i in (*apart, *others)][:QUERIES]


def _askable(queries: Catalogue, database: Catalogue) -> NDArray[np.bool_]:
    """(N, p), whether a query lacks an attribute that enough images of its category have."""
    having = np.zeros((len(queries.names.categories) + 1, len(queries.names.attributes)), np.int64)
    np.add.at(having, database.categories, database.observed & (database.attributes == 1))
    enough = having[queries.categories] >= COMBINED_RESULTS
    lacks = queries.observed & (queries.attributes == 0)
    return np.asarray(enough & lacks & (queries.categories >= 0)[:, None])


def _retrieval(
    catalogue: Catalogue, row: int, selected: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> Retrieval:
    names = [catalogue.names.attributes[j] for j in selected]
    return Retrieval(
        image=catalogue.references[row],
        category=_category(catalogue, row),
        wanted=dict(zip(names, wanted.tolist(), strict=True)),
        top=(),
    )


def _shown(
    catalogue: Catalogue,
    row: int,
    probabilities: NDArray[np.floating],
    right: bool | None,
    distance: int | None = None,
) -> ResultImage:
    return ResultImage(
        image=catalogue.references[row],
        category=_category(catalogue, row),
        right=right,
        probabilities=tuple(round(float(p), 4) for p in probabilities),
        distance=distance,
    )


def _as_asked(
    database: EncodedImages, row: int, selected: NDArray[np.int64], wanted: NDArray[np.bool_]
) -> bool | None:
    observed = database.catalogue.observed[row, selected]
    equal = (database.catalogue.attributes[row, selected] == 1) == wanted
    if (observed & ~equal).any():
        return False
    return True if observed.all() else None


def _category(catalogue: Catalogue, row: int) -> str | None:
    category = catalogue.categories[row]
    return None if category < 0 else catalogue.names.categories[category]
