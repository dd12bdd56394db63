"""Ranks codes by posterior: of the query's category, or a named one, with the chosen attributes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.calibration import Posterior
from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError, nearest
from dualhash.search.kernels import most_posterior
from dualhash.search.ranking.attribute_predicates import AttributePredicates
from dualhash.search.ranking.rank import QueryBatch, RankedIds, SearchScope
from dualhash.search.storage.header import Header

DEFAULT_POSTERIOR = Posterior(epsilon=0.01, tau=64)
"""The constants if none were chosen for the model."""

NO_EPSILON = 1e-300
"""A named category needs no epsilon: distances, which it keeps apart, are not used."""


@dataclass(frozen=True, eq=False)
class PosteriorSettings:
    """What a search by posterior needs besides queries and attributes.

    Attributes:
        head: Predicts the C categories, calibrated.
        constants: The constants of the ranking.
        category: The row of the named category; None to take the query's category.
    """

    head: LinearHead
    constants: Posterior
    category: int | None = None

    @classmethod
    def of(cls, header: Header, category: str | None) -> Self:
        """Returns the settings of a search in an index for a category, or that of the query.

        Raises:
            DualhashError: The index predicts no categories, or not this one.
        """
        head, constants = header.calibrated_category_head, header.calibration.posterior
        if not head.names:
            raise DualhashError(
                "The index predicts no categories, because it has no category head; choose the "
                "task combined, or attribute."
            )
        if category is not None and category not in head.names:
            raise DualhashError(
                f"There is no category {category!r}. {nearest(category, head.names)}"
            )
        row = None if category is None else head.names.index(category)
        return cls(head, constants or DEFAULT_POSTERIOR, row)


def by_posterior(
    queries: QueryBatch,
    predicates: AttributePredicates,
    scope: SearchScope,
    settings: PosteriorSettings,
) -> list[RankedIds]:
    """Ranks by descending log(epsilon + sum_c p_q(c) p_x(c)) + log p_x - d / tau.

    p_x is the joint probability of the wanted values. For a named category c the ranking is by
    log p_x(c) + log p_x. All allowed codes match.
    """
    table = scope.table
    categories = table.category_posteriors(settings.head, scope.threads)
    codes: list[NDArray[np.uint8] | None]
    if settings.category is None:
        assert queries.codes is not None
        wished, codes = categories.probabilities(queries.codes), [*queries.codes]
        epsilon = settings.constants.epsilon
    else:
        wished, codes = np.eye(len(settings.head.names))[[settings.category]], [None]
        epsilon = NO_EPSILON
    ranked = []
    for own, query, chances in zip(queries.own.tolist(), codes, wished, strict=True):
        posteriors, ids = most_posterior(
            table.codes.matrix,
            categories,
            chances,
            predicates.head,
            predicates.wanted,
            scope.limit(queries),
            epsilon=epsilon,
            query=query,
            tau=settings.constants.tau,
            ids=table.codes.ids,
            allowed=scope.allowed,
            threads=scope.threads,
        )
        scores = np.log(np.maximum(posteriors, NO_EPSILON))
        agreement = categories.agreement(table.codes_of(ids), chances)
        ranked.append(scope.first(ids, own, scores=scores, category_probabilities=agreement))
    return ranked
