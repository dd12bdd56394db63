"""Memory and opening of a large index: `python -m benchmarks.memory --json out.json`.

Creates an index of 10 million codes of 256 bits, each with an image and a payload. A separate
process then opens it, searches, and filters by each of 30 attributes. The reported memory is that
of this process minus what it used before, with the same modules imported.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import data
from dualhash.codes.linear_head import LinearHead
from dualhash.search import Index
from dualhash.search.storage.file import new_index_file
from dualhash.search.storage.header import Header

TARGETS = {"resident, MB": 500.0, "open and first search, s": 3.0}
CHUNK = 100_000
MEGABYTE = 1_000_000


def make(path: Path, count: int, rng: np.random.Generator) -> None:
    """Random codes, with a shop's fields as payload."""
    head = data.uniform(1, rng).head
    none = LinearHead((), np.zeros((0, data.BITS), np.float32), np.zeros(0, np.float32))
    header = Header(
        bits=data.BITS,
        views=1,
        model_hash="0" * 64,
        model_folder=path.parent,
        category_head=none,
        attribute_head=head,
        calibrated_category_head=none,
        calibrated_attribute_head=head,
    )
    with new_index_file(path, header, replace=True) as file, Index(file) as index:
        for start in range(0, count, CHUNK):
            rows = range(start, min(start + CHUNK, count))
            codes = rng.integers(0, 256, (len(rows), data.BITS // 8), dtype=np.uint8)
            payloads = [{"shelf": row % 100, "season": "winter"} for row in rows]
            index.add(codes, [f"images/{row}.jpg" for row in rows], payloads)
            print(f"{rows.stop:,} of {count:,}", end="\r", flush=True)
    print()


def resident() -> float:
    """Returns the memory that this process uses now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def measure(path: Path) -> dict[str, float]:
    """Measures opening and using an index; call it once, in a separate process."""
    import dualhash.search.ranking.execute  # noqa: F401 - with the kernels, as the first search imports it

    before = resident()
    query = np.zeros(data.BITS // 8, np.uint8)
    start = time.perf_counter()
    with Index.open(path) as index:
        opened = time.perf_counter()
        index.search(query, k=100)
        searched = time.perf_counter()
        codes = resident()
        for name in index.header.attribute_head.names:
            index.search(query, task="combined", want=[name], k=100)
        filtered = time.perf_counter()
        after = resident()
        index.search(query, filter={"shelf": 17})
        first_filter = time.perf_counter()
        index.search(query, filter={"shelf": 17})
        same_filter = time.perf_counter()
        index.search(query, filter={"shelf": 18})
        next_filter = time.perf_counter()
        items = len(index)
    return {
        "items": items,
        "interpreter with imports, MB": before,
        "resident with codes, MB": codes - before,
        "resident, MB": after - before,
        "resident with a filter of values, MB": resident() - before,
        "open, s": opened - start,
        "open and first search, s": searched - start,
        "30 attributes for the first time, s": filtered - searched,
        "filter of values for the first time, s": first_filter - filtered,
        "the same filter again, s": same_filter - first_filter,
        "another value, s": next_filter - same_filter,
    }


def main() -> None:
    """Creates the index if it does not exist, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="the file to write the figures to")
    parser.add_argument("--index", type=Path, help="the index file, created if it does not exist")
    parser.add_argument("--count", type=int, default=10_000_000, help="number of codes")
    parser.add_argument(
        "--measure", action="store_true", help="only measure, in this process (used internally)"
    )
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(chosen.index)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = chosen.index or Path(folder) / "large.dhx"
        if not path.exists():
            make(path, chosen.count, np.random.default_rng(0))
        command = [sys.executable, "-m", "benchmarks.memory", "--measure", "--index", str(path)]
        for _ in range(2):  # the first warms the disk, and compiles
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    measured: dict[str, float] = json.loads(printed)
    for name, figure in measured.items():
        print(f"{name:48} {figure:14,.3f}")
    written = {
        "targets": {
            name: {"measured": round(measured[name], 2), "target": target}
            for name, target in TARGETS.items()
        },
        "measured": {name: round(figure, 3) for name, figure in measured.items()},
    }
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(written, indent=2) + "\n")


if __name__ == "__main__":
    main()
