"""Times searches by Hamming distance: one query, batches, filters, increasing numbers of codes."""

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import data, peers
from benchmarks.timing import Report, in_turns
from dualhash.search.hamming_index import HammingIndex
from dualhash.search.kernels import CodeMatrix, bitmap, k_nearest

ONE_AFTER_ANOTHER = 4
"""Number of queries; the time of one query is the mean over them."""

FEW = 16
"""Number of queries in clusters; some read far more codes than others."""

PERCENTS = (1, 10, 50)


def searches(report: Report, kind: data.Data, matrix: CodeMatrix, numpy_codes: int) -> None:
    """Top 10 and 100 of one query and of 64, at 1 and 2 threads."""
    flat = peers.FaissFlat(kind.codes)
    few = np.ascontiguousarray(kind.codes[:numpy_codes])
    expected = flat.search(kind.queries, 100, heap=True, threads=2)
    for threads in (1, 2):
        ours = k_nearest(matrix, kind.queries, 100, threads=threads)[0]
        np.testing.assert_array_equal(ours, expected)
    single = kind.queries[:ONE_AFTER_ANOTHER]
    by_usearch = peers.usearch_exact(kind.codes, single[:1], 100, threads=2)
    np.testing.assert_array_equal(by_usearch, expected[:1])
    np.testing.assert_array_equal(
        peers.numpy_exact(few, single, 100), k_nearest(CodeMatrix.of(few), single, 100)[0]
    )
    where = f"{kind.name}, {matrix.count} codes"
    report.kth[where] = [float(np.median(expected[:, k - 1])) for k in (10, 100)]
    for k, (name, each) in product((10, 100), _queries(kind.queries).items()):
        things: dict[str, Callable[[], object]] = {}
        for threads in (1, 2):
            ours_now = partial(k_nearest, matrix, k=k, threads=threads)
            things[f"dualhash, {_threads(threads)}"] = partial(_each, ours_now, each)
        for heap, threads in product((True, False), (1, 2)):
            theirs = partial(flat.search, k=k, heap=heap, threads=threads)
            things[f"faiss, {_threads(threads)}, heap {heap}"] = partial(_each, theirs, each)
        if k == 100 and name == "one query":
            for threads in (1, 2):
                theirs = partial(peers.usearch_exact, kind.codes, k=k, threads=threads)
                things[f"usearch, {_threads(threads)}"] = partial(_each, theirs, each)
            things[f"numpy, {len(few)} codes"] = partial(
                _each, partial(peers.numpy_exact, few, k=k), each
            )
        found = report.run(f"{name}, {where}, k = {k}", things, per=len(each))
        for threads in (1, 2):
            ratio = _faiss(found, threads) / found[f"dualhash, {_threads(threads)}"]
            report.note(f"{name}, {_threads(threads)}, {kind.name}, k = {k}", ratio)


def filtered(
    report: Report, kind: data.Data, matrix: CodeMatrix, rng: np.random.Generator, *, batches: bool
) -> None:
    """Top 100 among 1, 10 and 50 % of the codes, of one query, and of 64 if wanted; 2 threads."""
    flat = peers.FaissFlat(kind.codes)
    for percent in PERCENTS:
        among = rng.random(matrix.count) < percent / 100
        ours, theirs = bitmap(among), np.packbits(among, bitorder="little")
        single = kind.queries[:ONE_AFTER_ANOTHER]
        np.testing.assert_array_equal(
            k_nearest(matrix, single, 100, allowed=ours, threads=2)[0],
            flat.search(single, 100, heap=True, threads=2, allowed=theirs),
        )
        for name, each in _queries(kind.queries).items():
            one_query = name == "one query"
            if not (one_query or batches):
                continue
            part = f"{name}, filter of {percent} %, {kind.name}, {matrix.count} codes"
            search = partial(k_nearest, matrix, k=100, threads=2)
            things: dict[str, Callable[[], object]] = {
                "dualhash": partial(_each, partial(search, allowed=ours), each)
            }
            for heap, threads in product((True, False), (1, 2) if one_query else (2,)):
                others = partial(flat.search, k=100, heap=heap, threads=threads, allowed=theirs)
                things[f"faiss, {_threads(threads)}, heap {heap}"] = partial(_each, others, each)
            found = report.run(part, things, per=len(each))
            end = "" if one_query else ", 64 queries"
            report.note(f"filter of {percent} %{end}", _faiss(found, 2) / found["dualhash"])
            alone: dict[str, Callable[[], object]] = {
                "dualhash": things["dualhash"],
                "no filter": partial(_each, search, each),
                "no filter again": partial(_each, search, each),
            }
            more = 9 if one_query else 1
            found = report.run(f"{part}, or none", alone, per=len(each), more=more)
            report.note(f"filter against none{end}", found["no filter"] / found["dualhash"])
            again = found["no filter"] / found["no filter again"]
            report.note(f"no filter against the same again{end}", again)


def growth(report: Report, kind: data.Data, counts: tuple[int, ...]) -> None:
    """One query over an increasing number of codes, with 2 threads.

    Each search uses other codes than the one before, if there are any, so that few codes are not
    read from the processor's caches while many are read from memory.
    """
    things: dict[str, Callable[[], object]] = {}
    for count in counts:
        starts = range(0, counts[-1], count)
        parts = [CodeMatrix.of(kind.codes[start : start + count]) for start in starts]
        things[str(count)] = partial(_in_all, parts, kind.queries[:1])
    found = {
        name: seconds * int(name) / counts[-1]
        for name, seconds in in_turns(things, report.repeats).items()
    }
    report.keep("growth", found)
    first, last = (counts[row] / found[str(counts[row])] for row in (0, -1))
    report.note("growth: codes/s among the most codes against the fewest", last / first)


def growth_in_clusters(
    report: Report, counts: tuple[int, ...], rng: np.random.Generator, source: Path | None
) -> None:
    """One query over an increasing number of learned codes, most of which are not read."""
    times: dict[str, dict[str, float]] = {}
    for count in counts:
        kind = data.flipped(count, rng, source)
        index, matrix = HammingIndex(kind.codes), CodeMatrix.of(kind.codes)
        flat, singles = peers.FaissFlat(kind.codes), kind.queries[:FEW, None]
        for k in (10, 100):
            np.testing.assert_array_equal(
                index.search(kind.queries, k)[1], k_nearest(matrix, kind.queries, k)[1]
            )
            things: dict[str, Callable[[], object]] = {
                "reading all": partial(_each, partial(k_nearest, matrix, k=k, threads=2), singles)
            }
            for threads in (1, 2):
                ours = partial(index.search, k=k, threads=threads)
                things[f"clusters, {_threads(threads)}"] = partial(_each, ours, singles)
            for heap in (True, False):
                theirs = partial(flat.search, k=k, heap=heap, threads=1)
                things[f"faiss, 1 thread, heap {heap}"] = partial(_each, theirs, singles)
            found = report.run(
                f"one query, learned, {count} codes in clusters, k = {k}", things, per=FEW
            )
            best = min(found["clusters, 1 thread"], found["clusters, 2 threads"])
            times.setdefault(f"growth in clusters, top {k}", {})[str(count)] = best
            times.setdefault(f"growth of FAISS, top {k}", {})[str(count)] = _faiss(found, 1)
            report.note(f"clusters, one query, learned, k = {k}", _faiss(found, 1) / best)
    for part, seconds in times.items():
        report.keep(part, seconds)
    first, *_, last = times["growth in clusters, top 10"].values()
    report.note("clusters, growth of codes / growth of time", counts[-1] / counts[0] * first / last)


def _in_all(parts: list[CodeMatrix], query: NDArray[np.uint8]) -> list[object]:
    return [k_nearest(matrix, query, 100, threads=2) for matrix in parts]


def _queries(queries: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Returns batches (B, Q, k/8) that are searched one after another."""
    return {"one query": queries[:ONE_AFTER_ANOTHER, None], "64 queries": queries[None]}


def _each(
    search: Callable[[NDArray[np.uint8]], object], batches: NDArray[np.uint8]
) -> list[object]:
    return [search(batch) for batch in batches]


def _faiss(seconds: dict[str, float], most: int) -> float:
    """Returns FAISS's best time with at most `most` threads."""
    starts = tuple(f"faiss, {_threads(threads)}" for threads in range(1, most + 1))
    return min(each for name, each in seconds.items() if name.startswith(starts))


def _threads(count: int) -> str:
    return f"{count} thread{'s'[: count - 1]}"
