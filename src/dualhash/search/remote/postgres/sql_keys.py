"""SQL expressions that rank rows nearly as the index file does, with bounds of their errors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import softmax
from dualhash.search.ranking.attribute_predicates import AttributePredicates
from dualhash.search.ranking.by_posterior import NO_EPSILON, PosteriorSettings
from dualhash.search.remote.postgres.table import (
    CATEGORIES,
    LOGITS,
    bit_text,
    ranked_column,
    vector_text,
)
from dualhash.search.results import Query
from dualhash.search.storage.header import Header

ROUNDING = 1e-12
"""Larger than the relative rounding error of a key in float64."""

VECTOR_ROUNDING = 2.0**-23
"""Larger than the relative rounding error of one term of an inner product in float32."""

FARTHEST = 667.0
"""-log(1e-290); below this probability, float64 does not hold 53 bits."""

FARTHEST_IN_VECTOR, LEAST_IN_VECTOR = 69.0, 1e-30
"""The same for the probabilities in a vector of float32."""


@dataclass(frozen=True)
class SqlKey:
    """What ranks rows, the least first.

    Attributes:
        sql: An expression of type float8.
        error: The key of the index file differs by at most this times (1 + the largest key).
        highest: Keys above this are equal to it, because they cannot be told apart.
    """

    sql: str
    error: float = 0.0
    highest: float = np.inf

    @property
    def limited(self) -> str:
        """The expression, at most `highest`."""
        return self.sql if np.isinf(self.highest) else f"least({self.sql}, {self.highest})"


def distance(code: NDArray[np.uint8], header: Header) -> str:
    """Returns the Hamming distance from a packed code (k/8,)."""
    compared = code[: header.compared_bits // 8]
    return f"({ranked_column(header)} <~> B'{bit_text(compared)}')"


def improbability(predicates: AttributePredicates, header: Header) -> str:
    """Returns -log of the joint probability of the wanted values.

    With the logit x of an attribute, -log p is max(-x, 0) + log(1 + exp(-|x|)).
    """
    names = header.calibrated_attribute_head.names
    terms = ["0::float8"]
    for name, wanted in predicates.values.items():
        logit = f"{LOGITS}[{names.index(name) + 1}]::float8"
        signed = f"-({logit})" if wanted else logit
        terms.append(f"greatest({signed}, 0) + ln(1 + exp(-least(abs({logit}), 700)))")
    return f"({' + '.join(terms)})"


def having(predicates: AttributePredicates, header: Header) -> list[str]:
    """Returns conditions on rows: that they have the wanted values at the thresholds."""
    names = header.calibrated_attribute_head.names
    limits = np.log(predicates.thresholds / (1 - predicates.thresholds)).tolist()
    values = zip(predicates.values.items(), limits, strict=True)
    return [
        f"{LOGITS}[{names.index(name) + 1}]::float8 {'>=' if wanted else '<'} '{limit!r}'::float8"
        for (name, wanted), limit in values
    ]


def probability_key(predicates: AttributePredicates, header: Header) -> SqlKey:
    """Returns the key of the task `attribute`."""
    return SqlKey(improbability(predicates, header), ROUNDING, FARTHEST)


def weighted_key(
    query: Query, predicates: AttributePredicates, weight: float, header: Header
) -> SqlKey:
    """Returns the key of the task `weighted`."""
    factor = f"'{weight!r}'::float8"
    both = f"{distance(query.code, header)} + {factor} * {improbability(predicates, header)}"
    return SqlKey(both, ROUNDING * (1 + weight))


def posterior_key(
    query: Query | None,
    predicates: AttributePredicates,
    settings: PosteriorSettings,
    header: Header,
) -> SqlKey:
    """Returns the key of the task `posterior`."""
    if settings.category is None:
        assert query is not None
        (wished,) = softmax(settings.head.code_scores(query.code[None]))
        epsilon = settings.constants.epsilon
        far = f" + {distance(query.code, header)} / '{settings.constants.tau!r}'::float8"
    else:
        wished = np.eye(len(settings.head.names))[settings.category]
        epsilon, far = NO_EPSILON, ""
    agreement = f"'{epsilon!r}'::float8 - ({CATEGORIES} <#> '{vector_text(wished)}')"
    sql = f"-ln(greatest({agreement}, {LEAST_IN_VECTOR})){far} + "
    return SqlKey(
        sql + improbability(predicates, header),
        ROUNDING + (len(wished) + 3) * VECTOR_ROUNDING,
        FARTHEST if epsilon > LEAST_IN_VECTOR else FARTHEST_IN_VECTOR,
    )
