"""Our searches against others': `python -m benchmarks.search --json out.json`."""

import argparse
import json
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding
import numpy as np
from numpy.typing import NDArray

from benchmarks import data, peers
from benchmarks.timing import in_turns, medians
from dualhash.codes.heads import LinearHead
from dualhash.search.kernels import (
    Bitmap,
    Blocks,
    bitmap,
    most_probable,
    nearest,
    present,
    size,
)

TARGETS = {
    "one query, 2 threads, random": 2.0,
    "one query, 2 threads, learned": 3.0,
    "64 queries, 2 threads, random": 2.0,
    "64 queries, 2 threads, learned": 3.0,
    "64 queries, 1 thread, random": 2.5,
    "64 queries, 1 thread, learned": 2.5,
    "filter of 1 %": 3.0,
    "filter of 10 %": 3.0,
    "filter of 50 %": 3.0,
    "filter against none": 1.0,
    "three wanted attributes, million codes/s": 300.0,
    "a query's own values, million codes/s": 100.0,
    "one attribute against IndexPQ": 1.5,
    "attributes against numpy": 20.0,
}
"""At 256 bits and k = 100; times of others divided by ours, except where it says codes/s."""


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    counts: tuple[int, ...] = (4_000_000, 8_000_000)
    growth: tuple[int, ...] = (1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000)
    repeats: int = 7
    selections: int = 50
    numpy_codes: int = 200_000


QUICK = Scale((500_000,), (250_000, 500_000, 1_000_000), 7, 8, 100_000)


@dataclass
class Report:
    """What was measured.

    Attributes:
        seconds: Medians, by part and by what ran.
        measured: The figures that have targets; those of the largest number of codes.
        kth: Median distance of the 100th.
    """

    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    kth: dict[str, float] = field(default_factory=dict)

    def run(
        self, part: str, things: dict[str, Callable[[], object]], repeats: int
    ) -> dict[str, float]:
        """Medians of things in turns, also kept and printed."""
        found = self.seconds[part] = medians(in_turns(things, repeats))
        for name, seconds in found.items():
            print(f"{part:48} {name:24} {1000 * seconds:10.2f} ms", flush=True)
        return found


def hamming(report: Report, kind: data.Data, blocks: Blocks, scale: Scale) -> None:
    """Top 10 and 100 of one and of 64 queries, at 1 and 2 threads."""
    flat = peers.FaissFlat(kind.codes)
    few = np.ascontiguousarray(kind.codes[: scale.numpy_codes])
    expected = flat.search(kind.queries, 100, heap=True, threads=2)
    np.testing.assert_array_equal(nearest(blocks, kind.queries, 100, threads=2)[0], expected)
    np.testing.assert_array_equal(
        peers.numpy_exact(few, kind.queries[:1], 100),
        nearest(Blocks.of(few), kind.queries[:1], 100)[0],
    )
    report.kth[kind.name] = float(np.median(expected[:, -1]))
    for k, count, threads in ((k, n, t) for k in (10, 100) for n in (1, 64) for t in (1, 2)):
        queries = kind.queries[:count]
        name = (
            f"{'one query' if count == 1 else '64 queries'}, {threads} thread{'s'[: threads - 1]}"
        )
        things: dict[str, Callable[[], object]] = {
            "dualhash": partial(nearest, blocks, queries, k, threads=threads)
        }
        for others in range(1, threads + 1):
            for heap in (True, False):
                things[f"faiss, heap {heap}, {others} threads"] = partial(
                    flat.search, queries, k, heap=heap, threads=others
                )
        if k == 100 and count == 1:
            things["usearch"] = partial(
                peers.usearch_exact, kind.codes, queries, k, threads=threads
            )
        found = report.run(f"{name}, {kind.name}, {blocks.count}, k = {k}", things, scale.repeats)
        faiss = min(seconds for thing, seconds in found.items() if thing.startswith("faiss"))
        if k == 100:
            report.measured[f"{name}, {kind.name}"] = faiss / found["dualhash"]


def filtered(
    report: Report, kind: data.Data, blocks: Blocks, scale: Scale, rng: np.random.Generator
) -> None:
    """One query among 1, 10 and 50 % of the codes."""
    flat = peers.FaissFlat(kind.codes)
    query = kind.queries[:1]
    slowest = np.inf
    for percent in (1, 10, 50):
        among = rng.random(blocks.count) < percent / 100
        ours, theirs = bitmap(among), np.packbits(among, bitorder="little")
        expected = flat.search(query, 100, heap=True, threads=1, allowed=theirs)
        np.testing.assert_array_equal(nearest(blocks, query, 100, allowed=ours)[0], expected)
        things: dict[str, Callable[[], object]] = {
            "dualhash": partial(nearest, blocks, query, 100, allowed=ours, threads=2),
            "dualhash, no filter": partial(nearest, blocks, query, 100, threads=2),
        }
        for heap in (True, False):
            for threads in (1, 2):
                things[f"faiss, heap {heap}, {threads} threads"] = partial(
                    flat.search, query, 100, heap=heap, threads=threads, allowed=theirs
                )
        found = report.run(f"filter of {percent} %, {kind.name}", things, scale.repeats)
        faiss = min(seconds for thing, seconds in found.items() if thing.startswith("faiss"))
        report.measured[f"filter of {percent} %"] = faiss / found["dualhash"]
        slowest = min(slowest, found["dualhash, no filter"] / found["dualhash"])
    report.measured["filter against none"] = slowest


def attributes(
    report: Report, kind: data.Data, blocks: Blocks, scale: Scale, rng: np.random.Generator
) -> None:
    """Rankings by three attributes and by one."""
    bitmaps = present(blocks, kind.head, threads=2)
    few = np.ascontiguousarray(kind.codes[: scale.numpy_codes])
    few_blocks = Blocks.of(few)
    cases = {
        "three wanted attributes": lambda: _three_wanted(kind, bitmaps, blocks.count, rng),
        "a query's own values": lambda: _own_values(kind, rng),
    }
    rates: dict[str, float] = {}
    against_numpy = []
    for name, draw in cases.items():
        seconds = []
        for number in range(scale.selections):
            rows, wanted = draw()
            head = kind.head.take(rows)
            ours = partial(_ranked, blocks, head, wanted, bitmaps[rows])
            seconds.append(medians(in_turns({"": ours}, 3))[""])
            if number < 3:
                naive = partial(peers.numpy_probabilities, few, head.weight, head.bias, wanted, 100)
                found, _ = most_probable(few_blocks, head, wanted, 100)
                np.testing.assert_allclose(found, naive(), rtol=1e-4)
                against_numpy.append(medians(in_turns({"": naive}, 3))[""] / len(few))
        report.seconds[name] = {"dualhash": float(np.median(seconds))}
        rates[name] = blocks.count / float(np.median(seconds))
        report.measured[f"{name}, million codes/s"] = rates[name] / 1e6
        print(f"{name:48} {rates[name] / 1e6:24.0f} million codes/s")
    report.measured["attributes against numpy"] = min(rates.values()) * float(
        np.median(against_numpy)
    )
    pq = peers.FaissBits(kind.codes)
    head, wanted = kind.head.take([0]), np.array([True])
    things: dict[str, Callable[[], object]] = {
        "dualhash": partial(_ranked, blocks, head, wanted, bitmaps[:1])
    }
    for threads in (1, 2):
        things[f"IndexPQ, {threads} threads"] = partial(
            pq.search, head.weight[0], 100, threads=threads
        )
    found = report.run("one attribute", things, scale.repeats)
    others = min(value for thing, value in found.items() if thing.startswith("IndexPQ"))
    report.measured["one attribute against IndexPQ"] = others / found["dualhash"]


def growth(report: Report, scale: Scale, rng: np.random.Generator) -> None:
    """One query among more and more codes."""
    codes = data.uniform(scale.growth[-1], rng)
    things: dict[str, Callable[[], object]] = {
        str(count): partial(
            nearest, Blocks.of(codes.codes[:count]), codes.queries[:1], 100, threads=2
        )
        for count in scale.growth
    }
    report.run("growth", things, scale.repeats)


def _ranked(
    blocks: Blocks, head: LinearHead, wanted: NDArray[np.bool_], bitmaps: NDArray[np.uint64]
) -> object:
    likely = _likely(bitmaps, wanted)
    return most_probable(blocks, head, wanted, 100, likely=likely, threads=2)


def _likely(bitmaps: NDArray[np.uint64], wanted: NDArray[np.bool_]) -> Bitmap:
    """Codes on the wanted side of each bitmap."""
    return np.bitwise_and.reduce(np.where(wanted[:, None], bitmaps, ~bitmaps))


def _three_wanted(
    kind: data.Data, bitmaps: NDArray[np.uint64], count: int, rng: np.random.Generator
) -> tuple[list[int], NDArray[np.bool_]]:
    """Three attributes that at most a tenth of the codes have, and at least 100 of them."""
    while True:
        rows = sorted(rng.choice(len(kind.head.names), 3, replace=False).tolist())
        if 100 <= size(np.bitwise_and.reduce(bitmaps[rows])) <= count / 10:
            return rows, np.ones(3, np.bool_)


def _own_values(kind: data.Data, rng: np.random.Generator) -> tuple[list[int], NDArray[np.bool_]]:
    """Three attributes with the values that a query has."""
    rows = sorted(rng.choice(len(kind.head.names), 3, replace=False).tolist())
    query = kind.queries[rng.integers(0, len(kind.queries))]
    return rows, kind.head.take(rows).code_scores(query[None])[0] >= 0


def machine() -> dict[str, object]:
    """What it ran on."""
    features = llvmlite.binding.get_host_cpu_features()
    simd = [name for name in ("avx512vpopcntdq", "avx512f", "avx2", "neon") if features.get(name)]
    packages = ("numpy", "numba", "llvmlite", "faiss-cpu", "usearch")
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "simd": simd,
        "versions": {name: version(name) for name in packages},
    }


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true", help="fewer codes")
    parser.add_argument("--learned", type=Path, help="a model's codes, as benchmarks.data says")
    chosen = parser.parse_args()
    scale = QUICK if chosen.quick else Scale()
    rng = np.random.default_rng(0)
    report = Report()
    print(json.dumps(machine()))
    for count in scale.counts:
        for kind in (data.uniform(count, rng), data.learned(count, rng, chosen.learned)):
            blocks = Blocks.of(kind.codes)
            hamming(report, kind, blocks, scale)
            if kind.name == "learned" and count == scale.counts[-1]:
                filtered(report, kind, blocks, scale, rng)
                attributes(report, kind, blocks, scale, rng)
    growth(report, scale, rng)
    targets = {
        name: {"measured": round(report.measured[name], 2), "target": target}
        for name, target in TARGETS.items()
    }
    for name, figures in targets.items():
        print(f"{name:48} {figures['measured']:10} (target {figures['target']})")
    if chosen.json:
        written = {"machine": machine(), "kth_distance": report.kth, "targets": targets}
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps({**written, "seconds": report.seconds}, indent=2))


if __name__ == "__main__":
    main()
