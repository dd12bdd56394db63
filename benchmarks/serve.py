"""How many searches per second a server answers, and what happens with more."""

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import data
from dualhash.codes.linear_head import LinearHead
from dualhash.search import Index, ItemLabels
from dualhash.search.storage.file import new_index_file
from dualhash.search.storage.header import Header
from dualhash.serve.http.middleware import DELAY_SECONDS

SEARCH = "/api/v1/search"
CONCURRENCY = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SECONDS = 4
PAUSE_MS = 100
"""Pause of a client between a response and its next request, if the server is overloaded."""

OVERLOAD = 4
BATCH = 50_000
PROBES = 300
CATEGORIES = tuple(f"category {number}" for number in range(50))


def write_index(path: Path, items: int, rng: np.random.Generator) -> None:
    """Writes an index of learned codes to `path`, unless one of that size exists."""
    if path.exists():
        with Index.open(path) as index:
            if len(index) == items:
                return
    path.parent.mkdir(parents=True, exist_ok=True)
    made = data.learned(items, rng, None)
    bits = made.codes.shape[1] * 8
    weight = rng.normal(0, 0.25, (len(CATEGORIES), bits)).astype(np.float32)
    category_head = LinearHead(CATEGORIES, weight, -weight.sum(axis=1) / 2)
    header = Header(
        bits=bits,
        views=1,
        model_hash="0" * 64,
        model_folder=path.parent / "no-model",
        category_head=category_head,
        attribute_head=made.head,
        calibrated_category_head=category_head,
        calibrated_attribute_head=made.head,
    )
    with new_index_file(path, header, replace=True) as file, Index(file) as index:
        for start in range(0, items, BATCH):
            codes = made.codes[start : start + BATCH]
            numbers = range(start, start + len(codes))
            index.add(
                codes,
                [path.parent / f"{number}.jpg" for number in numbers],
                [{"name": f"picture {number}"} for number in numbers],
                [ItemLabels(CATEGORIES[number % len(CATEGORIES)]) for number in numbers],
            )


@contextmanager
def serving(path: Path) -> Iterator[int]:
    """Runs a server in a separate process; yields its port."""
    code = "from dualhash.cli.app import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "serve", str(path), "--port", "0", "--rate", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline().rpartition(":")[2])
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        """Connects at the first request."""
        self._connection = HTTPConnection("127.0.0.1", port)

    def search(self, item: int) -> tuple[int, dict[str, Any]]:
        """Returns status and body of a search by id."""
        body = json.dumps({"id": item})
        self._connection.request("POST", SEARCH, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        return response.status, json.loads(response.read())


def one_by_one(port: int, items: list[int]) -> dict[str, float]:
    """Milliseconds of undisturbed searches, measured by the server and by the client."""
    client = Client(port)
    inside, outside = [], []
    for item in items:
        started = time.perf_counter()
        status, answer = client.search(item)
        outside.append(1000 * (time.perf_counter() - started))
        assert status == 200, answer
        inside.append(answer["timings"]["total"])
    return {
        "median_ms": statistics.median(inside),
        "p95_ms": float(np.percentile(inside, 95)),
        "client_median_ms": statistics.median(outside),
    }


def wrk(port: int, items: int, connections: int, pause_ms: int) -> subprocess.Popen[str]:
    """Starts wrk with a number of connections; see serve.lua."""
    return subprocess.Popen(
        [
            *("wrk", "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{SECONDS}s", "--timeout", "30s"),
            *("--script", str(Path(__file__).with_name("serve.lua"))),
            *(f"http://127.0.0.1:{port}", "--", str(items), str(pause_ms)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


def outcome(running: subprocess.Popen[str]) -> dict[str, Any]:
    """Returns the measurements of wrk, with rates a second."""
    printed, _ = running.communicate()
    seen: dict[str, Any] = json.loads(printed.splitlines()[-1])
    seen["answered_per_second"] = seen["answered"] / seen["seconds"]
    seen["offered_per_second"] = (seen["answered"] + seen["shed"]) / seen["seconds"]
    return seen


def rising(port: int, items: int) -> list[dict[str, Any]]:
    """Measures an increasing number of clients that send the next request at once."""
    curve = []
    for connections in CONCURRENCY:
        point = {"connections": connections, **outcome(wrk(port, items, connections, 0))}
        print(json.dumps(point))
        curve.append(point)
    return curve


def overload(port: int, items: int, capacity: float, expected: dict[int, Any]) -> dict[str, Any]:
    """Sends four times as many requests as the server can answer, and checks responses.

    The exact factor is saved as `multiple`.
    """
    each = PAUSE_MS / 1000 + DELAY_SECONDS
    connections = round(1.4 * OVERLOAD * capacity * each)
    running = wrk(port, items, connections, PAUSE_MS)
    client, right, shed, wrong = Client(port), 0, 0, 0
    known = list(expected)
    while running.poll() is None:
        item = known[(right + shed + wrong) % len(known)]
        status, answer = client.search(item)
        right += status == 200 and answer["hits"] == expected[item]
        wrong += status not in (200, 503) or (status == 200 and answer["hits"] != expected[item])
        shed += status == 503
    seen = {"connections": connections, **outcome(running)}
    return {
        **seen,
        "capacity": capacity,
        "multiple": seen["offered_per_second"] / capacity,
        "checked": {"right": right, "shed": shed, "wrong": wrong},
    }


def faults(report: dict[str, Any]) -> list[str]:
    """Returns the errors of the server; empty if there are none."""
    wrong = report["overload"]["checked"]["wrong"]
    failed = sum(each["failed"] for each in (*report["curve"], report["overload"]))
    found = {"answers were wrong": wrong, "requests were neither answered nor shed": failed}
    return [f"{count} {what}" for what, count in found.items() if count]


def draw(report: dict[str, Any], path: Path) -> None:
    """Draws the measurements."""
    from matplotlib.figure import Figure

    curve = report["curve"]
    clients = [point["connections"] for point in curve]
    figure = Figure(figsize=(7, 6), layout="constrained")
    rates, times = figure.subplots(2, 1, sharex=True)
    answered = [point["answered_per_second"] for point in curve]
    shed = [point["shed"] / point["seconds"] for point in curve]
    rates.plot(clients, answered, "o-", color="#16875d", label="answered")
    rates.plot(clients, shed, "s--", color="#c8372d", label="refused (503)")
    rates.set(ylabel="requests a second", ylim=(0, None), title=f"{report['items']:,} items, by id")
    rates.legend()
    times.plot(clients, [point["median_ms"] for point in curve], "o-", label="median")
    times.plot(clients, [point["p99_ms"] for point in curve], "s--", label="99 %")
    times.set(xlabel="clients at a time", ylabel="milliseconds", xscale="log", yscale="log")
    times.set_xticks(clients, [str(count) for count in clients])
    times.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000, help="number of items in the index")
    index = Path("build/bench/serve.dhx")
    parser.add_argument(
        "--index", type=Path, default=index, help="the index file, created if it does not exist"
    )
    parser.add_argument("--only-index", action="store_true", help="create the index, then stop")
    parser.add_argument("--json", type=Path, help="the file to write the figures to")
    parser.add_argument("--plot", type=Path, help="the image file to draw the curve into")
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not installed (Debian: apt install wrk)")
    rng = np.random.default_rng(0)
    write_index(chosen.index, chosen.items, rng)
    if chosen.only_index:
        return
    ids = rng.integers(0, chosen.items, PROBES).tolist()
    with serving(chosen.index) as port:
        report: dict[str, Any] = {
            "items": chosen.items,
            "cores": os.cpu_count(),
            "processor": platform.processor() or platform.machine(),
            "one_by_one": one_by_one(port, ids),
        }
        print(json.dumps(report))
        report["curve"] = rising(port, chosen.items)
        capacity = max(point["answered_per_second"] for point in report["curve"])
        client = Client(port)
        expected = {item: client.search(item)[1]["hits"] for item in ids[:50]}
        report["overload"] = overload(port, chosen.items, capacity, expected)
        print(json.dumps(report["overload"]))
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(report, indent=2) + "\n")
    if chosen.plot:
        draw(report, chosen.plot)
    print(f"Overload: {report['overload']['multiple']:.1f} times the capacity was requested.")
    if found := faults(report):
        sys.exit("; ".join(found))


if __name__ == "__main__":
    main()
