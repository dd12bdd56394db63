"""What searches by posterior keep of the category head and of each code."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.jit import compiled
from dualhash.search.kernels import linear
from dualhash.search.kernels.layout import (
    GROUP_SIZE,
    RUN_SIZE,
    CodeMatrix,
    Words,
    first_word,
    spread,
)
from dualhash.search.kernels.sigmoid import exp_of_minus
from dualhash.search.kernels.simd import load_word
from dualhash.search.kernels.threads import run_in_threads

LIKELY = 4
"""Categories of each code whose probabilities are kept."""

MARGIN = 1e-9
"""Larger than the relative rounding errors of probabilities."""

STEPS = 255
"""Probabilities are rounded up to multiples of 1/255."""


class CategoryPosteriors(NamedTuple):
    """The category head of C categories, and upper bounds of the probabilities of n codes.

    Attributes:
        ranking_bits: As in the `CodeMatrix` of the codes.
        tables: (words * 8, 256, C) float64, the scores of each value of each byte.
        bias: (C,) float64.
        likely: (n, LIKELY), the most probable categories of each code.
        steps: (n, LIKELY + 1) uint8, upper bounds of their probabilities and of the sum of all
            others, in units of 1/255.
    """

    ranking_bits: int
    tables: NDArray[np.float64]
    bias: NDArray[np.float64]
    likely: NDArray[np.unsignedinteger]
    steps: NDArray[np.uint8]

    def first(self, count: int) -> "CategoryPosteriors":
        """Returns those of the first `count` codes."""
        return self._replace(likely=self.likely[:count], steps=self.steps[:count])

    def extended(self, matrix: CodeMatrix, threads: int = 1) -> "CategoryPosteriors":
        """Adds the codes of `matrix` after the first n, a multiple of 64."""
        known, total = len(self.likely), matrix.count
        likely = np.zeros((total, LIKELY), self.likely.dtype)
        steps = np.zeros((total, LIKELY + 1), np.uint8)
        likely[:known], steps[:known] = self.likely, self.steps

        def bound(start: int, stop: int) -> None:
            rows = slice(known + start * GROUP_SIZE, known + stop * GROUP_SIZE)
            _bound(matrix.words, rows.start, self.tables, self.bias, likely[rows], steps[rows])

        run_in_threads(bound, len(matrix.everything) - known // GROUP_SIZE, threads)
        return self._replace(likely=likely, steps=steps)

    def probabilities(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Returns the category probabilities (m, C) of m packed codes (m, bits/8)."""
        matrix = CodeMatrix.of(codes, self.ranking_bits)
        probabilities = np.empty((len(codes), len(self.bias)))
        _probabilities(matrix.words, self.tables, self.bias, probabilities)
        return probabilities

    def agreement(
        self, codes: NDArray[np.uint8], wished: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Returns sum_c p_q(c) p_x(c), (m,), of m packed codes, for p_q = `wished` (C,)."""
        matrix, agreement = CodeMatrix.of(codes, self.ranking_bits), np.empty(len(codes))
        _agreements(matrix.words, self.tables, self.bias, wished, agreement)
        return agreement


def category_posteriors(head: LinearHead, ranking_bits: int | None = None) -> CategoryPosteriors:
    """Returns the posteriors of no codes yet, by a head of C > 0 categories.

    Args:
        head: Predicts the categories from codes.
        ranking_bits: As in the `CodeMatrix` of the codes; all by default.
    """
    weight, bias = head.summable
    ranking_bits = ranking_bits or weight.shape[1]
    tables = linear.byte_tables(spread(weight, ranking_bits))
    return CategoryPosteriors(
        ranking_bits,
        np.ascontiguousarray(tables.transpose(1, 2, 0)),
        bias,
        np.empty((0, LIKELY), np.min_scalar_type(len(bias))),
        np.empty((0, LIKELY + 1), np.uint8),
    )


@compiled
def _start(position: int, length: int) -> int:
    """The index of the first word of a code."""
    return first_word(position // GROUP_SIZE, length) + position % GROUP_SIZE


@compiled
def _powers(
    words: Words,
    start: int,
    length: int,
    tables: NDArray[np.float64],
    bias: NDArray[np.float64],
    powers: NDArray[np.float64],
) -> float:
    """Sets the exponentials (C,) of a code's category scores, relative to the highest; their sum.

    Scores are rounded to float32, as those of `LinearHead`.
    """
    powers[:] = bias
    for word in range(length):
        code = load_word(words, start + word * RUN_SIZE)
        for byte in range(8):
            row = tables[word * 8 + byte, (code >> np.uint64(8 * byte)) & np.uint64(255)]
            for c in range(len(powers)):
                powers[c] += row[c]
    highest = np.float32(-np.inf)
    for c in range(len(powers)):
        highest = max(highest, np.float32(powers[c]))
    total = 0.0
    for c in range(len(powers)):
        powers[c] = exp_of_minus(
            min(np.float64(highest) - np.float64(np.float32(powers[c])), 745.0)
        )
        total += powers[c]
    return total


@compiled
def _probabilities(
    words: Words,
    tables: NDArray[np.float64],
    bias: NDArray[np.float64],
    probabilities: NDArray[np.float64],
) -> None:
    flat, length = words.reshape(-1), words.shape[1]
    for row in range(len(probabilities)):
        total = _powers(flat, _start(row, length), length, tables, bias, probabilities[row])
        probabilities[row] /= total


@compiled
def _bound(
    words: Words,
    position: int,
    tables: NDArray[np.float64],
    bias: NDArray[np.float64],
    likely: NDArray[np.unsignedinteger],
    steps: NDArray[np.uint8],
) -> None:
    flat, length = words.reshape(-1), words.shape[1]
    powers = np.empty(len(bias))
    for row in range(len(likely)):
        start = _start(position + row, length)
        total = _powers(flat, start, length, tables, bias, powers)
        rest = total
        for place in range(min(LIKELY, len(powers))):
            best = np.argmax(powers)
            likely[row, place] = best
            steps[row, place] = _steps_above(powers[best] / total)
            rest -= powers[best]
            powers[best] = -1.0
        steps[row, LIKELY] = _steps_above(rest / total)


@compiled
def _steps_above(probability: float) -> int:
    return int(min(np.ceil((probability + MARGIN) * STEPS), STEPS))


@compiled
def agreement_bound(
    categories: CategoryPosteriors, position: int, weights: NDArray[np.float64], rest_weight: float
) -> float:
    """An upper bound of sum_c p_q(c) p_x(c)."""
    likely, steps = categories.likely, categories.steps
    bound: float = rest_weight * steps[position, LIKELY]
    for place in range(LIKELY):
        bound += weights[likely[position, place]] * steps[position, place]
    return bound


@compiled
def _agreements(
    words: Words,
    tables: NDArray[np.float64],
    bias: NDArray[np.float64],
    wished: NDArray[np.float64],
    agreements: NDArray[np.float64],
) -> None:
    flat, length, scratch = words.reshape(-1), words.shape[1], np.empty(len(bias))
    for row in range(len(agreements)):
        start = _start(row, length)
        agreements[row] = agreement_at(flat, start, length, tables, bias, wished, scratch)


@compiled
def agreement_at(
    words: Words,
    start: int,
    length: int,
    tables: NDArray[np.float64],
    bias: NDArray[np.float64],
    wished: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> float:
    """sum_c p_q(c) p_x(c) of the code whose first word is at `start`."""
    total = _powers(words, start, length, tables, bias, scratch)
    agreement = 0.0
    for c in range(len(scratch)):
        agreement += wished[c] * scratch[c]
    return agreement / total
