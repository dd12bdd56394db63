"""Codes to search: uniform random codes, and codes like those that a model learns.

`python -m benchmarks.data INDEX.dhx OUT.npz` writes the codes of an index, the categories of its
images and its attribute head to a file, from which learned codes are drawn.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.linear_head import LinearHead
from dualhash.codes.packing import unpack
from dualhash.search import Index
from dualhash.search.kernels import CodeMatrix, k_nearest

BITS = 256
CLASSES = 400
ATTRIBUTES = 30
CHUNK = 1 << 17

FLIPPED = 13
"""Bits that differ between the codes of similar images."""


@dataclass(frozen=True, eq=False)
class Data:
    """The codes and queries of one part of the benchmark.

    Attributes:
        name: "random" or "learned".
        codes: (n, 32) uint8, packed.
        queries: (64, 32) uint8, packed.
        head: Predicts 30 attributes from codes.
    """

    name: str
    codes: NDArray[np.uint8]
    queries: NDArray[np.uint8]
    head: LinearHead


def uniform(count: int, rng: np.random.Generator) -> Data:
    """Returns codes whose bits are 0 or 1 with equal chance."""
    codes = rng.integers(0, 256, (count, BITS // 8), dtype=np.uint8)
    queries = rng.integers(0, 256, (64, BITS // 8), dtype=np.uint8)
    weight = rng.normal(0, 0.25, (ATTRIBUTES, BITS)).astype(np.float32)
    bias = -weight.sum(axis=1) / 2 - 2
    return Data("random", codes, queries, LinearHead(_names(), weight, bias))


def learned(count: int, rng: np.random.Generator, source: Path | None) -> Data:
    """Returns codes that are close to others of their class.

    With a source, an .npz file of a model's `codes` (m, 32), `classes` (m,), `weight` (p, 256) and
    `bias` (p,), each code is one of these codes in which about half as many bits are flipped as
    differ between two codes of its class; the 100th of millions is then about as far away as in the
    catalogue. Without a source, classes are random codes whose bits flip with a chance of 3 to
    21 %, which gives a similar distance.
    """
    if source is None:
        pool, classes, rates = _made_up(rng)
        head = _fitted(pool[classes], classes, rates, rng)
        chosen = rng.integers(0, CLASSES, count)
        codes = np.concatenate([_flipped(pool[part], rates[part], rng) for part in _chunks(chosen)])
    else:
        stored = np.load(source)
        head = LinearHead(_names(len(stored["bias"])), stored["weight"], stored["bias"])
        codes = _resampled(stored["codes"], stored["classes"], count, rng)
    queries = codes[rng.integers(0, count, 64)]
    return Data("learned", codes, queries, head)


def flipped(count: int, rng: np.random.Generator, source: Path | None) -> Data:
    """Returns codes of a model in each of which 13 bits are flipped on average.

    Args:
        count: Number of codes.
        rng: Chooses codes and bits.
        source: As for `learned`; without one, the codes of its classes with their flips.
    """
    if source is None:
        pool, classes, rates = _made_up(rng)
        base = _flipped(pool[classes], rates[classes], rng)
    else:
        base = np.load(source)["codes"]
    chosen, rate = rng.integers(0, len(base), count), np.full(CHUNK, FLIPPED / BITS)
    parts = [_flipped(base[part], rate[: len(part)], rng) for part in _chunks(chosen)]
    codes = np.concatenate(parts)
    none = LinearHead((), np.zeros((0, BITS), np.float32), np.zeros(0, np.float32))
    return Data("learned", codes, codes[rng.integers(0, count, 64)], none)


def _resampled(
    codes: NDArray[np.uint8],
    classes: NDArray[np.integer],
    count: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    order = np.argsort(classes, kind="stable")
    _, start, size = np.unique(classes[order], return_index=True, return_counts=True)
    which = np.searchsorted(start, np.arange(len(codes)), side="right") - 1
    made = np.empty((count, codes.shape[1]), np.uint8)
    for first in range(0, count, CHUNK):
        rows = rng.integers(0, len(codes), min(CHUNK, count - first))
        group = which[rows]
        one, other = (order[start[group] + rng.integers(0, size[group])] for _ in range(2))
        kept = rng.integers(0, 256, (len(rows), codes.shape[1]), dtype=np.uint8)
        made[first : first + len(rows)] = codes[order[rows]] ^ (codes[one] ^ codes[other]) & kept
    return made


def _made_up(
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float64]]:
    centres = rng.integers(0, 256, (CLASSES, BITS // 8), dtype=np.uint8)
    return centres, rng.integers(0, CLASSES, 20_000), rng.uniform(0.03, 0.21, CLASSES)


def _flipped(
    codes: NDArray[np.uint8], rates: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.uint8]:
    flips = rng.random((len(codes), BITS), dtype=np.float32) < rates[:, None]
    return codes ^ np.packbits(flips, axis=1)


def _fitted(
    codes: NDArray[np.uint8],
    classes: NDArray[np.int64],
    rates: NDArray[np.float64],
    rng: np.random.Generator,
) -> LinearHead:
    """Attributes that 3 to 40 % of the classes have, fitted by ridge regression."""
    has = rng.random((CLASSES, ATTRIBUTES)) < rng.uniform(0.03, 0.4, ATTRIBUTES)
    bits = unpack(_flipped(codes, rates[classes], rng))
    inputs = np.column_stack([bits, np.ones(len(bits))])
    gram = inputs.T @ inputs + 10 * np.eye(BITS + 1)
    solved = np.linalg.solve(gram, inputs.T @ (8.0 * has[classes] - 4)).T.astype(np.float32)
    return LinearHead(_names(), np.ascontiguousarray(solved[:, :-1]), solved[:, -1])


def _chunks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _names(count: int = ATTRIBUTES) -> tuple[str, ...]:
    return tuple(f"attribute {number}" for number in range(count))


def _exported(index: Index) -> dict[str, NDArray[Any]]:
    """What `learned` reads; items without a category are a class of their own."""
    categories = np.array([item.labels.category or "" for item in index])
    head = index.header.attribute_head
    return {
        "codes": np.concatenate([codes for _, codes in index.codes()]),
        "classes": np.unique(categories, return_inverse=True)[1],
        "weight": head.weight,
        "bias": head.bias,
    }


def _tenth_and_hundredth(codes: NDArray[np.uint8], queries: NDArray[np.uint8]) -> str:
    found, _ = k_nearest(CodeMatrix.of(codes), queries, 100)
    return " and ".join(f"{np.median(found[:, k - 1]):g}" for k in (10, 100))


def main() -> None:
    """Writes the file, and prints the distances of the 10th and the 100th result."""
    parser = argparse.ArgumentParser(description="Writes learned codes for the benchmarks.")
    parser.add_argument("index", type=Path, help="an index of 256-bit codes of labelled images")
    parser.add_argument("out", type=Path, help="the .npz file to write")
    parser.add_argument(
        "--codes", type=int, default=1_000_000, help="number of codes to draw and compare"
    )
    chosen = parser.parse_args()
    with Index.open(chosen.index) as index:
        exported = _exported(index)
    with chosen.out.open("wb") as file:
        np.savez(file, allow_pickle=False, **exported)
    rng = np.random.default_rng(0)
    own = exported["codes"]
    print("Median distance of the 10th and the 100th result:")
    print("  in the index:", _tenth_and_hundredth(own, own[rng.integers(0, len(own), 64)]))
    for name, source in (("drawn from it", chosen.out), ("made up", None)):
        drawn = learned(chosen.codes, rng, source)
        print(f"  of {chosen.codes} {name}:", _tenth_and_hundredth(drawn.codes, drawn.queries))


if __name__ == "__main__":
    main()
