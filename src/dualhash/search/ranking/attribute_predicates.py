"""Which attributes are asked for, with which values, and how probable they are."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead, sigmoid
from dualhash.errors import DualhashError, nearest
from dualhash.search.request import PRESENT


@dataclass(frozen=True, eq=False)
class AttributePredicates:
    """s chosen attributes, in the order of the model's.

    Attributes:
        head: Reads the s attributes from codes.
        wanted: (s,) bool, whether each shall be present.
        threshold: The probability from which on an attribute is present, in (0, 1).
    """

    head: LinearHead
    wanted: NDArray[np.bool_]
    threshold: float = PRESENT

    @property
    def at_even_odds(self) -> "AttributePredicates":
        """The same with the usual threshold."""
        return replace(self, threshold=PRESENT)

    @property
    def values(self) -> dict[str, bool]:
        """Whether each chosen attribute shall be present, by name."""
        return dict(zip(self.head.names, self.wanted.tolist(), strict=True))

    def evidence(self, codes: NDArray[np.uint8]) -> list[tuple[float | None, dict[str, float]]]:
        """For each code the joint probability and each attribute's own, by name.

        The joint probability is None where no attribute is chosen.
        """
        from dualhash.search.kernels import joint_probability

        if not self.values:
            return [(None, {})] * len(codes)
        scores = self.head.code_scores(codes)
        joint = joint_probability(scores, self.wanted).tolist()
        each = sigmoid(scores).tolist()
        return [
            (both, dict(zip(self.head.names, own, strict=True)))
            for both, own in zip(joint, each, strict=True)
        ]


def choose(
    head: LinearHead,
    *,
    want: Iterable[str] = (),
    without: Iterable[str] = (),
    match: Iterable[str] = (),
    code: NDArray[np.uint8] | None = None,
    threshold: float = PRESENT,
) -> AttributePredicates:
    """Conditions from names.

    Args:
        head: Of all p attributes.
        want: Attributes that shall be present.
        without: Attributes that shall be absent.
        match: Attributes that shall be as the query's own prediction has them.
        code: (k/8,) the query's code, packed.
        threshold: The probability from which on an attribute is present, in (0, 1).

    Raises:
        DualhashError: An attribute is not known or chosen twice in different ways, or the query's
            prediction is asked for without a query.
    """
    chosen: dict[int, bool] = {}

    def add(name: str, *, wanted: bool) -> None:
        if not head.names:
            raise DualhashError(
                "The model of this index tells no attributes: it can only be searched by category."
            )
        if name not in head.names:
            raise DualhashError(f"There is no attribute {name!r}. {nearest(name, head.names)}")
        if chosen.setdefault(head.names.index(name), wanted) != wanted:
            raise DualhashError(f"The attribute {name!r} is both wanted and unwanted; choose one.")

    for name in want:
        add(name, wanted=True)
    for name in without:
        add(name, wanted=False)
    own = list(match)
    if own and code is None:
        raise DualhashError(
            "Without a query there are no values to take over: state them as wanted or unwanted."
        )
    if own and code is not None:
        present = head.code_scores(code[None])[0] > 0
        for name in own:
            add(name, wanted=name in head.names and bool(present[head.names.index(name)]))
    rows = sorted(chosen)
    wanted = np.array([chosen[row] for row in rows], np.bool_)
    return AttributePredicates(head.take(rows), wanted, threshold)
