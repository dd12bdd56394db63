"""Writes docs/performance.md and its plots: `python -m benchmarks.report results.json`."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

TEMPLATE = Path(__file__).with_name("performance.md.in")

BYTES = 32
"""Length of a code of 256 bits."""

Figures = dict[str, Any]

LEARNED = {
    "growth in clusters, top 10": "learned, in clusters, top 10",
    "growth in clusters, top 100": "learned, in clusters, top 100",
    "growth of FAISS, top 10": "learned, FAISS, top 10",
}
"""Times by number of learned codes, and how the page calls them."""


def main() -> None:
    """Reads figures, writes text and plots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", type=Path, help="the JSON file of `python -m benchmarks.search`")
    parser.add_argument(
        "--to", type=Path, default=Path("docs/performance.md"), help="the page to write"
    )
    chosen = parser.parse_args()
    figures = json.loads(chosen.figures.read_text())
    if figures["quick"]:
        parser.error(
            f"{chosen.figures} is of a --quick run, which has too few codes; run it without"
        )
    images = chosen.to.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    plt.switch_backend("svg")
    plt.rcParams.update({"svg.hashsalt": "dualhash", "font.size": 9})
    plot_ratios(figures, images / "performance-ratios.svg")
    plot_growth(figures, images / "performance-growth.svg")
    chosen.to.write_text(text(figures))


def plot_ratios(figures: Figures, path: Path) -> None:
    """Measured figures over their targets, on a logarithmic axis."""
    targets = figures["targets"]
    names = list(targets)[::-1]
    over = [targets[name]["measured"] / targets[name]["target"] for name in names]
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    colours = ["tab:blue" if each >= 1 else "tab:red" for each in over]
    bars = axes.barh(names, over, color=colours)
    axes.bar_label(bars, [f"{targets[name]['measured']:g}" for name in names], padding=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(0.8 * min(0.5, *over), 2 * max(over))
    axes.set_xticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"], minor=False)
    axes.minorticks_off()
    axes.set_xlabel("measured / target; the number is what was measured")
    _save(figure, path)


def plot_growth(figures: Figures, path: Path) -> None:
    """Time of one query against the number of codes, and what reading them takes."""
    seconds = figures["seconds"]["growth"]
    counts = [int(count) for count in seconds]
    speed = figures["bytes_per_second"]["2"]
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.plot(
        counts,
        [1000 * each for each in seconds.values()],
        "o-",
        label="random, reading all, top 100",
    )
    for part, label in LEARNED.items():
        times = figures["seconds"][part]
        milliseconds = [1000 * each for each in times.values()]
        axes.plot([int(count) for count in times], milliseconds, "s-", label=label)
    axes.plot(
        counts,
        [1000 * BYTES * count / speed for count in counts],
        "k--",
        label=f"reading the codes at {speed / 1e9:.0f} GB/s",
    )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(counts, [f"{count / 1e6:g} M" for count in counts])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("codes of 256 bits")
    axes.set_ylabel("milliseconds")
    axes.legend()
    _save(figure, path)


def text(figures: Figures) -> str:
    """Returns the document."""
    ran, scale, speed = figures["machine"], figures["scale"], figures["bytes_per_second"]
    versions = {"Python": ran["python"], **ran["versions"]}
    targets = figures["targets"]
    return TEMPLATE.read_text().format(
        repeats=scale["repeats"],
        few=figures["queries_in_clusters"],
        singles=figures["one_query_is_mean_of"],
        processor=ran["processor"],
        cores=ran["cores"],
        simd=", ".join(ran["simd"]),
        read_by_one=f"{speed['1'] / 1e9:.1f}",
        read_by_two=f"{speed['2'] / 1e9:.1f}",
        versions=", ".join(f"{name} {number}" for name, number in versions.items()),
        counts=" and ".join(f"{count / 1e6:g}" for count in scale["counts"]),
        learned=_learned(figures["learned_codes"]),
        distances=table(
            ("median distance", "10th result", "100th result"),
            [(name, *each) for name, each in figures["kth_distance"].items()],
        ),
        targets=table(
            ("case", "measured", "target", ""),
            [
                (name, each["measured"], each["target"], "met" if _met(each) else "**missed**")
                for name, each in targets.items()
            ],
        ),
        again=_again(figures),
        missed=_missed(figures),
        single=_single(figures),
        others=table(("case", "measured"), list(figures["without_target"].items())),
        numpy_codes=f"{scale['numpy_codes']:,}",
        times=_times(figures["seconds"]),
        clusters=table(
            ("codes", *(f"{label}, milliseconds" for label in LEARNED.values())),
            [
                (
                    f"{count:,}",
                    *(f"{1000 * figures['seconds'][part][str(count)]:.2f}" for part in LEARNED),
                )
                for count in scale["clusters"]
            ],
        ),
        growth=table(
            ("codes", "milliseconds", "read at GB/s"),
            [
                (f"{int(count):,}", f"{1000 * each:.2f}", f"{BYTES * int(count) / each / 1e9:.1f}")
                for count, each in figures["seconds"]["growth"].items()
            ],
        ),
    )


def _learned(name: str) -> str:
    if name == "made up":
        return "400 random codes whose bits flip with a chance of 3 to 21 %"
    return (
        f"codes of the model `{name}`; in each, about half as many bits are flipped as differ "
        "between two codes of its category"
    )


def _again(figures: Figures) -> str:
    compared = [
        seconds
        for part, seconds in figures["seconds"].items()
        if part.startswith("one query") and part.endswith("or none") and "filter of 1 %" not in part
    ]
    ratios = {
        other: fmean(seconds["no filter"] / seconds[other] for seconds in compared)
        for other in ("dualhash", "no filter again")
    }
    worst = figures["without_target"]["no filter against the same again"]
    return (
        f"If 10 or 50 % pass, the ratio is {ratios['dualhash']:.3f} on average. The search without "
        f"a filter, timed against itself in the same turns, gave {worst:g} at worst and "
        f"{ratios['no filter again']:.3f} on average."
    )


def _missed(figures: Figures) -> str:
    missed = [name for name, each in figures["targets"].items() if not _met(each)]
    return f"Missed: {'; '.join(missed)}." if missed else "All targets were met."


def _single(figures: Figures) -> str:
    targets = {name: each["measured"] for name, each in figures["targets"].items()}
    measured = {**figures["without_target"], **targets}
    one, two = (
        f"{measured[f'one query, {threads}, random, k = 100']:g} and "
        f"{measured[f'one query, {threads}, learned, k = 100']:g}"
        for threads in ("1 thread", "2 threads")
    )
    return (
        "FAISS uses one thread for one query. With one thread dualhash is "
        f"{one} times as fast (random and learned codes), with two {two} times."
    )


def _met(each: dict[str, float]) -> bool:
    return each["measured"] >= each["target"]


def _times(seconds: dict[str, dict[str, float]]) -> str:
    """Returns a table of each comparison with others at k = 100."""
    rows = []
    for part, each in seconds.items():
        if part.endswith("k = 100") or ("filter of" in part and not part.endswith("none")):
            count = int(part.partition(" codes")[0].split()[-1])
            for name, figure in each.items():
                searched = int(name.split()[1]) if name.startswith("numpy") else count
                shown = "numpy" if name.startswith("numpy") else name
                took = 1000 * figure * count / searched
                rows.append((part.removesuffix(", k = 100"), shown, f"{took:.2f}"))
        elif "attribute" in part or "own values" in part:
            rows += [(part, name, f"{1000 * figure:.2f}") for name, figure in each.items()]
    return table(("search", "", "ms"), rows)


def table(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    """Returns a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
