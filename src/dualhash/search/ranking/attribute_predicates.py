"""The chosen attributes of a search, with the wanted value of each."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.calibration import PRESENT, Calibration
from dualhash.codes.linear_head import LinearHead, sigmoid
from dualhash.errors import DualhashError, nearest
from dualhash.search.request import SearchRequest
from dualhash.search.results import Query

TINY = 1e-12
"""Thresholds are compared as log odds, which 0 and 1 do not have."""


@dataclass(frozen=True, eq=False)
class AttributePredicates:
    """s chosen attributes, in the model's order.

    Attributes:
        head: Predicts the s attributes from codes.
        wanted: (s,) bool, whether each must be present.
        thresholds: (s,) float64 in (0, 1). An attribute counts as present from this probability,
            as absent below it.
    """

    head: LinearHead
    wanted: NDArray[np.bool_]
    thresholds: NDArray[np.float64]

    @property
    def at_even_odds(self) -> "AttributePredicates":
        """The same with a threshold of 0.5."""
        return replace(self, thresholds=np.full(len(self.wanted), PRESENT))

    @property
    def values(self) -> dict[str, bool]:
        """Whether each chosen attribute must be present, by name."""
        return dict(zip(self.head.names, self.wanted.tolist(), strict=True))

    @property
    def thresholds_by_name(self) -> dict[str, float]:
        """The threshold of each chosen attribute, by name."""
        return dict(zip(self.head.names, self.thresholds.tolist(), strict=True))

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


def choose(
    head: LinearHead,
    request: SearchRequest,
    query: Query | None,
    calibration: Calibration,
) -> AttributePredicates:
    """Returns the attributes that a request chooses.

    Args:
        head: Predicts all p attributes.
        request: Names them in `want`, `without` and `match`.
        query: Its prediction is the wanted value of attributes in `match`.
        calibration: Has the thresholds.

    Raises:
        DualhashError: The model does not know an attribute, or an attribute does not reach the
            precision.
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
        wanted |= {name: present[name] >= calibration.balanced(name) for name in request.match}
    rows = sorted(head.names.index(name) for name in wanted)
    values = np.array([wanted[head.names[row]] for row in rows], np.bool_)
    thresholds = [
        _threshold(head.names[row], value, request, calibration)
        for row, value in zip(rows, values.tolist(), strict=True)
    ]
    return AttributePredicates(
        head.take(rows), values, np.clip(np.array(thresholds, np.float64), TINY, 1 - TINY)
    )


def _threshold(name: str, wanted: bool, request: SearchRequest, calibration: Calibration) -> float:
    """Returns the probability from which an attribute counts as present, below it as absent."""
    if request.precision is None:
        return calibration.balanced(name) if request.threshold is None else request.threshold
    thresholds = calibration.thresholds.get(name)
    if thresholds is None:
        raise DualhashError(
            "The option `precision` needs a model with thresholds for it; train it and "
            "create the index again, or use `threshold`."
        )
    curve = thresholds.present if wanted else thresholds.absent
    found = curve.reaching(request.precision)
    if found is None:
        most = f"at most {curve.precision[-1]:g}" if curve.precision else "no precision"
        raise DualhashError(
            f"The precision {request.precision:g} is not reached for {'' if wanted else 'not '}"
            f"{name}: {most} was measured on the validation images. Lower `precision`, or leave it "
            "out."
        )
    return found if wanted else 1 - found
