"""Searches of dualhash and of other libraries: `python -m benchmarks.search --json out.json`.

`pip install '.[bench]'` installs the other libraries. All searches are of 256-bit codes in memory.
Results are checked to be the same before they are timed. `python -m benchmarks.report out.json`
writes docs/performance.md from the figures.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks import data
from benchmarks.machine import bandwidth, machine
from benchmarks.timing import Report
from dualhash.errors import needs_extra
from dualhash.search.kernels import CodeMatrix

TARGETS = {
    "one query, 2 threads, random, k = 100": 2.0,
    "one query, 2 threads, learned, k = 100": 3.0,
    "64 queries, 2 threads, random, k = 100": 2.0,
    "64 queries, 2 threads, learned, k = 100": 3.0,
    "64 queries, 1 thread, random, k = 100": 2.5,
    "64 queries, 1 thread, learned, k = 100": 2.5,
    "filter of 1 %": 3.0,
    "filter of 10 %": 3.0,
    "filter of 50 %": 3.0,
    "filter against none": 1.0,
    "three wanted attributes, million codes/s": 300.0,
    "a query's own values, million codes/s": 100.0,
    "one attribute against IndexPQ": 1.5,
    "attributes against numpy": 20.0,
    "clusters, one query, learned, k = 10": 40.0,
    "clusters, one query, learned, k = 100": 30.0,
    "clusters, growth of codes / growth of time": 2.0,
    "growth: codes/s among the most codes against the fewest": 1.0,
}
"""Lowest accepted values: time of the other library / our time, or codes/s if the name says so."""


@dataclass(frozen=True)
class Scale:
    """The size of the measurements."""

    counts: tuple[int, ...] = (4_000_000, 8_000_000)
    growth: tuple[int, ...] = (1_000_000, 2_000_000, 4_000_000, 8_000_000, 16_000_000)
    clusters: tuple[int, ...] = (1_000_000, 4_000_000, 8_000_000, 16_000_000)
    repeats: int = 7
    selections: int = 50
    numpy_codes: int = 50_000


LEARNED = Path("build/fashion.npz")

QUICK = Scale((500_000,), (250_000, 500_000, 1_000_000), (250_000, 1_000_000), 7, 8, 20_000)


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="the file to write the figures to")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a run of a minute, with too few codes to test the targets",
    )
    parser.add_argument(
        "--learned",
        type=Path,
        default=LEARNED if LEARNED.exists() else None,
        help=f"a file of `python -m benchmarks.data` with a model's codes; {LEARNED} by default, "
        "generated codes if it does not exist",
    )
    chosen = parser.parse_args()
    with needs_extra("This benchmark", "bench"):
        from benchmarks.attributes import attributes
        from benchmarks.distances import (
            FEW,
            ONE_AFTER_ANOTHER,
            filtered,
            growth,
            growth_in_clusters,
            searches,
        )
    scale = QUICK if chosen.quick else Scale()
    rng = np.random.default_rng(0)
    report = Report(scale.repeats)
    print(json.dumps(machine()))
    for count in scale.counts:
        for kind in (data.uniform(count, rng), data.learned(count, rng, chosen.learned)):
            blocks = CodeMatrix.of(kind.codes)
            searches(report, kind, blocks, scale.numpy_codes)
            filtered(report, kind, blocks, rng, batches=count == scale.counts[0])
            if kind.name == "learned":
                attributes(
                    report,
                    kind,
                    blocks,
                    rng,
                    selections=scale.selections,
                    numpy_codes=scale.numpy_codes,
                )
    growth_in_clusters(report, scale.clusters, rng, chosen.learned)
    most = data.uniform(scale.growth[-1], rng)
    growth(report, most, scale.growth)
    speed = bandwidth(most.codes.reshape(-1).view(np.uint64), scale.repeats)
    targets = {
        name: {"measured": round(report.measured[name], 2), "target": target}
        for name, target in TARGETS.items()
    }
    others = {
        name: round(figure, 2) for name, figure in report.measured.items() if name not in TARGETS
    }
    print(json.dumps({"bytes_per_second": speed, "kth_distance": report.kth}))
    for name, figure in others.items():
        print(f"{name:60} {figure:10}")
    for name, each in targets.items():
        met = "met" if each["measured"] >= each["target"] else "missed"
        verdict = "" if chosen.quick else f" (target {each['target']}, {met})"
        print(f"{name:60} {each['measured']:10}{verdict}")
    figures = {
        "machine": machine(),
        "quick": chosen.quick,
        "scale": asdict(scale),
        "one_query_is_mean_of": ONE_AFTER_ANOTHER,
        "queries_in_clusters": FEW,
        "learned_codes": chosen.learned.stem if chosen.learned else "made up",
        "bytes_per_second": speed,
        "kth_distance": report.kth,
        "targets": targets,
        "without_target": others,
        "seconds": report.seconds,
    }
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
