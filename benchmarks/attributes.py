"""Times rankings by three wanted attributes, by a query's own values, and by one attribute."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks import data, peers
from benchmarks.timing import Report, in_turns
from dualhash.codes.linear_head import LinearHead
from dualhash.search.kernels import Bitmap, CodeMatrix, attribute_bitmaps, most_probable, size

Selection = tuple[list[int], NDArray[np.bool_]]
"""Rows of the head, and their wanted values."""

SINGLE = 3
"""Number of attributes that are ranked by singly."""


def attributes(
    report: Report,
    kind: data.Data,
    matrix: CodeMatrix,
    rng: np.random.Generator,
    *,
    selections: int,
    numpy_codes: int,
) -> None:
    """Top 100 by three attributes of many selections, and by one, at 2 threads."""
    bitmaps = attribute_bitmaps(matrix, kind.head, threads=2)
    cases = {
        "three wanted attributes": partial(_three_wanted, kind, bitmaps, matrix.count, rng),
        "a query's own values": partial(_own_values, kind, rng),
    }
    for name, draw in cases.items():
        ours, theirs = [], []
        for _ in range(selections):
            chosen = draw()
            seconds = in_turns(
                {
                    "dualhash": partial(_ranked, matrix, kind.head, chosen, bitmaps),
                    "numpy": _by_numpy(kind, chosen, numpy_codes),
                },
                report.repeats,
            )
            ours.append(seconds["dualhash"])
            theirs.append(seconds["numpy"])
        report.keep(
            f"{name}, {kind.name}, {matrix.count} codes",
            {
                "dualhash, median": float(np.median(ours)),
                "dualhash, fastest": min(ours),
                "dualhash, slowest": max(ours),
                f"numpy, {numpy_codes} codes": float(np.median(theirs)),
            },
        )
        report.note(f"{name}, million codes/s", matrix.count / float(np.median(ours)) / 1e6)
        ratio = float(np.min(np.divide(theirs, ours))) * matrix.count / numpy_codes
        report.note("attributes against numpy", ratio)
    _one(report, kind, matrix, bitmaps, rng)


def _one(
    report: Report,
    kind: data.Data,
    matrix: CodeMatrix,
    bitmaps: NDArray[np.uint64],
    rng: np.random.Generator,
) -> None:
    """Single attributes against IndexPQ."""
    pq = peers.FaissBits(kind.codes)
    for row in rng.choice(len(kind.head.names), SINGLE, replace=False).tolist():
        head, wanted = kind.head.take([row]), np.array([True])
        found, _ = most_probable(matrix, head, wanted, 100, threads=2)
        theirs = pq.search(head.weight[0], 100, threads=2) + head.bias[0]
        np.testing.assert_allclose(1 / (1 + np.exp(-theirs)), found, rtol=1e-4)
        things: dict[str, Callable[[], object]] = {
            "dualhash": partial(_ranked, matrix, kind.head, ([row], wanted), bitmaps)
        }
        for threads in (1, 2):
            search = partial(pq.search, head.weight[0], 100, threads=threads)
            things[f"IndexPQ, {threads} thread{'s'[: threads - 1]}"] = search
        seconds = report.run(
            f"one attribute (number {row}), {kind.name}, {matrix.count} codes", things
        )
        best = min(each for name, each in seconds.items() if name.startswith("IndexPQ"))
        report.note("one attribute against IndexPQ", best / seconds["dualhash"])


def _by_numpy(kind: data.Data, selection: Selection, count: int) -> Callable[[], object]:
    """Returns a search by unpacking and multiplying, which finds the same items."""
    rows, wanted = selection
    head, codes = kind.head.take(rows), np.ascontiguousarray(kind.codes[:count])
    naive = partial(peers.numpy_probabilities, codes, head.weight, head.bias, wanted, 100)
    found, _ = most_probable(CodeMatrix.of(codes), head, wanted, 100)
    np.testing.assert_allclose(found, naive(), rtol=1e-4)
    return naive


def _ranked(
    matrix: CodeMatrix, head: LinearHead, selection: Selection, bitmaps: NDArray[np.uint64]
) -> object:
    rows, wanted = selection
    return most_probable(
        matrix, head.take(rows), wanted, 100, likely=_likely(bitmaps[rows], wanted), threads=2
    )


def _likely(bitmaps: NDArray[np.uint64], wanted: NDArray[np.bool_]) -> list[Bitmap]:
    """Returns for each attribute the codes that have the wanted value."""
    return [codes if want else ~codes for codes, want in zip(bitmaps, wanted, strict=True)]


def _three_wanted(
    kind: data.Data, bitmaps: NDArray[np.uint64], count: int, rng: np.random.Generator
) -> Selection:
    """Draws three attributes that at least 100 and at most a tenth of the codes have."""
    while True:
        rows = sorted(rng.choice(len(kind.head.names), 3, replace=False).tolist())
        if 100 <= size(np.bitwise_and.reduce(bitmaps[rows])) <= count / 10:
            return rows, np.ones(3, np.bool_)


def _own_values(kind: data.Data, rng: np.random.Generator) -> Selection:
    """Draws three attributes, with the values predicted from a query."""
    rows = sorted(rng.choice(len(kind.head.names), 3, replace=False).tolist())
    query = kind.queries[rng.integers(0, len(kind.queries))]
    return rows, kind.head.take(rows).code_scores(query[None])[0] >= 0
