"""The chosen attributes of a search, with the wanted value of each."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead, sigmoid
from dualhash.errors import DualhashError, nearest
from dualhash.search.request import PRESENT, SearchRequest
from dualhash.search.results import Query


@dataclass(frozen=True, eq=False)
class AttributePredicates:
    """s chosen attributes, in the model's order.

    Attributes:
        head: Predicts the s attributes from codes.
        wanted: (s,) bool, whether each must be present.
        threshold: The probability in (0, 1) from which an attribute counts as present.
    """

    head: LinearHead
    wanted: NDArray[np.bool_]
    threshold: float = PRESENT

    @property
    def at_even_odds(self) -> "AttributePredicates":
        """The same with a threshold of 0.5."""
        return replace(self, threshold=PRESENT)

    @property
    def values(self) -> dict[str, bool]:
        """Whether each chosen attribute must be present, by name."""
        return dict(zip(self.head.names, self.wanted.tolist(), strict=True))

    def evidence(
        self, codes: NDArray[np.uint8], joint: NDArray[np.float64] | None = None
    ) -> list[tuple[float | None, dict[str, float]]]:
        """Returns for each code the joint probability and that of each attribute, by name.

        Args:
            codes: (m, k/8) uint8, packed.
            joint: (m,) joint probabilities, if they are known.

        Returns:
            m pairs. The joint probability is None if no attribute is chosen.
        """
        from dualhash.search.kernels import joint_probability

        if not self.values:
            return [(None, {})] * len(codes)
        scores = self.head.code_scores(codes)
        if joint is None:
            joint = joint_probability(scores, self.wanted)
        return [
            (both, dict(zip(self.head.names, each, strict=True)))
            for both, each in zip(joint.tolist(), sigmoid(scores).tolist(), strict=True)
        ]


def choose(head: LinearHead, request: SearchRequest, query: Query | None) -> AttributePredicates:
    """Returns the attributes that a request chooses.

    Args:
        head: Predicts all p attributes.
        request: Names them in `want`, `without` and `match`.
        query: Its prediction is the wanted value of attributes in `match`.

    Raises:
        DualhashError: The model does not know an attribute.
    """
    wanted = dict.fromkeys(request.want, True) | dict.fromkeys(request.without, False)
    for name in (*wanted, *request.match):
        if not head.names:
            raise DualhashError(
                "The index predicts no attributes, because it has no attribute head; search by "
                "category only."
            )
        if name not in head.names:
            raise DualhashError(f"There is no attribute {name!r}. {nearest(name, head.names)}")
    if query is not None:
        present = query.prediction.attributes
        wanted |= {name: present[name] > PRESENT for name in request.match}
    rows = sorted(head.names.index(name) for name in wanted)
    values = np.array([wanted[head.names[row]] for row in rows], np.bool_)
    return AttributePredicates(head.take(rows), values, request.threshold)
