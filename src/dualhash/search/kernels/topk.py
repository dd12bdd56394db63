"""The k codes of highest score seen so far."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.search.kernels.jit import compiled

NOTHING = -math.inf
"""Below every score."""


class Topmost(NamedTuple):
    """A heap of at most k codes, the last of their order at the root.

    Attributes:
        scores: (k,) float64, NOTHING where there is none yet.
        positions: (k,) int64.
    """

    scores: NDArray[np.float64]
    positions: NDArray[np.int64]


def nobody(k: int) -> Topmost:
    """Before a search."""
    return Topmost(np.full(k, NOTHING), np.full(k, np.iinfo(np.int64).max))


@compiled
def least(topmost: Topmost) -> float:
    """The score of the last one, NOTHING as long as there are fewer than k."""
    score: float = topmost.scores[0]
    return score


@compiled
def offer(topmost: Topmost, score: float, position: int) -> bool:
    """Takes a code in if it comes before the last one; returns whether it does."""
    scores, positions = topmost
    if not _before(score, position, scores[0], positions[0]):
        return False
    row = 0
    while 2 * row + 1 < len(scores):
        child = 2 * row + 1
        other = child + 1
        if other < len(scores) and _before(
            scores[child], positions[child], scores[other], positions[other]
        ):
            child = other
        if not _before(score, position, scores[child], positions[child]):
            break
        scores[row], positions[row] = scores[child], positions[child]
        row = child
    scores[row], positions[row] = score, position
    return True


@compiled
def _before(score: float, position: int, other_score: float, other_position: int) -> bool:
    return score > other_score or (score == other_score and position < other_position)


def in_order(parts: list[Topmost], k: int) -> Topmost:
    """The k topmost of all parts, by descending score, then by position."""
    scores = np.concatenate([part.scores for part in parts])
    positions = np.concatenate([part.positions for part in parts])
    found = scores != NOTHING
    scores, positions = scores[found], positions[found]
    order = np.lexsort((positions, -scores))[:k]
    return Topmost(scores[order], positions[order])
