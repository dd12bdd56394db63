"""Inputs on which searches by kernels are compared with naive ones."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.search.kernels.layout import CodeMatrix


@dataclass(frozen=True, eq=False)
class Case:
    codes: NDArray[np.uint8]
    ranking_bits: int | None
    queries: NDArray[np.uint8]
    allowed: NDArray[np.bool_]
    k: int
    threads: int

    @property
    def matrix(self) -> CodeMatrix:
        """In two goes, as an index that grows."""
        half = len(self.codes) // 2
        return CodeMatrix.of(self.codes[:half], self.ranking_bits).extended(self.codes[half:])

    def distances(self, query: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The number of ranking bits in which each code differs from a query, (n,)."""
        compared = slice(None if self.ranking_bits is None else self.ranking_bits // 8)
        return np.bitwise_count(self.codes ^ query)[:, compared].sum(axis=1, dtype=np.int64)


@st.composite
def cases(draw: st.DrawFn, most: int = 700) -> Case:
    """Few different codes bring ties, and many alike codes a limit that falls to 0."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, octets = draw(st.integers(0, most)), draw(st.integers(1, 40))
    kinds = draw(st.sampled_from([1, 5, 100, 10_000]))
    pool = generator.integers(0, 256, (kinds, octets), dtype=np.uint8)
    flipped = generator.random((kinds, octets)) < draw(st.sampled_from([0.02, 1]))
    pool = np.where(flipped, pool, pool[0])
    return Case(
        codes=pool[generator.integers(0, kinds, count)],
        ranking_bits=draw(st.sampled_from([None, *range(8, 8 * octets, 8)])),
        queries=pool[generator.integers(0, kinds, draw(st.integers(0, 9)))],
        allowed=generator.random(count) < draw(st.sampled_from([0, 0.01, 0.1, 0.5, 1])),
        k=draw(st.integers(1, 90)),
        threads=draw(st.integers(1, 4)),
    )


@st.composite
def heads(draw: st.DrawFn, bits: int) -> LinearHead:
    """Of one to four attributes: ordinary, of few values (ties), of unlike sizes, or saturated."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    functions = draw(st.integers(1, 4))
    weight = generator.normal(0, 1, (functions, bits))
    kind = draw(st.sampled_from(["ordinary", "few values", "unlike", "saturated", "zero"]))
    if kind == "few values":
        weight = np.rint(weight)
    elif kind == "unlike":
        weight *= np.exp(generator.normal(0, 3, weight.shape))
    elif kind == "saturated":
        weight *= 300
    elif kind == "zero":
        weight *= 0
    bias = generator.normal(0, 1, functions) * (kind != "few values")
    names = tuple("abcd"[:functions])
    return LinearHead(names, weight.astype(np.float32), bias.astype(np.float32))
