"""Which bits carry which attribute, by the weights of the head and by the labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError
from dualhash.evaluation.bootstrap import divide


@dataclass(frozen=True)
class CarriedAttribute:
    """An attribute that a bit contributes to.

    Attributes:
        name: Of the attribute.
        attribution: In [-1, 1]; see `attributions`.
    """

    name: str
    attribution: float


def attributions(head: LinearHead) -> NDArray[np.float64]:
    """Returns the weight of each bit in each attribute's score, divided by the largest weight.

    |w_j[i]| is the contribution of bit i to attribute j (the summands of equation 10), but the
    weights of attributes differ in size. Divided by max over i of |w_j[i]| they can be compared. If
    the value is positive, a set bit raises the probability of the attribute.

    Args:
        head: Predicts p attributes from k bits.

    Returns:
        (p, k) float64 in [-1, 1]; the strongest bit of each attribute has 1 or -1, and an attribute
        whose weights are all 0 has zeros.
    """
    weight = head.weight.astype(np.float64)
    largest = np.abs(weight).max(axis=1, keepdims=True)
    return weight / np.where(largest > 0, largest, 1.0)


def carried_attributes(head: LinearHead, bit: int, count: int = 5) -> tuple[CarriedAttribute, ...]:
    """Returns the attributes of one bit, by descending size of `attributions`; ties by row.

    Args:
        head: Predicts p attributes from k bits.
        bit: In 0..k-1.
        count: The most attributes to return.

    Raises:
        DualhashError: There is no such bit.
    """
    bits = head.weight.shape[1]
    if not 0 <= bit < bits:
        raise DualhashError(f"There is no bit {bit}: the bits of this model are 0 to {bits - 1}.")
    column = attributions(head)[:, bit]
    strongest = np.argsort(-np.abs(column), kind="stable")[:count]
    return tuple(CarriedAttribute(head.names[j], float(column[j])) for j in strongest)


def label_correlations(
    bits: NDArray[np.bool_], attributes: NDArray[np.int8], observed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Returns the correlation of each bit with each attribute's labels (the phi coefficient).

    Unlike a weight, it does not depend on other bits: several equal bits all have the same value.

    Args:
        bits: (N, k) bool.
        attributes: (N, p) int8, 1 present, 0 absent.
        observed: (N, p) bool, False if the label is missing; then the image is left out.

    Returns:
        (p, k) float64 in [-1, 1]; NaN if the bit or the label is the same in all images.
    """
    ones, known = bits.astype(np.float64), observed.astype(np.float64)
    present = known * (attributes == 1)
    images, having = known.sum(axis=0)[:, None], present.sum(axis=0)[:, None]
    lit, both = known.T @ ones, present.T @ ones
    spread = np.sqrt(having * (images - having) * lit * (images - lit))
    return divide(images * both - having * lit, spread)
