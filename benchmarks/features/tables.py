"""Fills the tables of a page: `python -m benchmarks.features.tables figures.json`.

A table stands between the lines `<!-- table: NAME -->` and `<!-- end of table -->`; the names are
`results`, `extraction`, `embeddings` and `targets`. What stood between them is replaced.
"""

import argparse
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.features.steps import Results
from benchmarks.report import table

PLACE = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)

TRAININGS = {
    "fashion": "fashion, 60x80",
    "photos-efficientnet-lite0": "photos, 224x224, efficientnet-lite0",
    "photos-efficientnet-lite2": "photos, 224x224, efficientnet-lite2",
    "photos-60x80": "the photos' products, 60x80, efficientnet-lite0",
    "photos-end-to-end": "photos, 160x160, the whole network for an hour",
}

QUALITY = ("category_map", "attribute_map", "avg_hm", "combined_recall_at_5")


def main() -> None:
    """Reads figures and fills the tables of a page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "figures", type=Path, help="the JSON file of `python -m benchmarks.features`"
    )
    parser.add_argument("--to", type=Path, default=Path("docs/training.md"), help="the page")
    chosen = parser.parse_args()
    figures = json.loads(chosen.figures.read_text(encoding="utf-8"))
    page = chosen.to.read_text(encoding="utf-8")
    chosen.to.write_text(filled(page, figures), encoding="utf-8")


def filled(page: str, figures: Mapping[str, Any]) -> str:
    """The page with its tables made from figures.

    Raises:
        KeyError: The page names a table that does not exist.
    """
    return PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]](figures)}\n{place[3]}", page)


def results(figures: Mapping[str, Any]) -> str:
    """Quality and seconds of each training that was measured, as means over its seeds."""
    rows = []
    for name, title in TRAININGS.items():
        runs = [each for step, each in figures["steps"].items() if step.startswith(f"{name}-seed-")]
        if runs:
            capped = _mean(runs, "combined_capped_recall_at_5", 3)
            rows.append(
                (
                    title,
                    *(_mean(runs, figure, 3) for figure in QUALITY[:3]),
                    f"{_mean(runs, QUALITY[3], 3)}, {capped}",
                    _mean(runs, "seconds_cold", 0),
                    _mean(runs, "seconds_kept", 0),
                )
            )
    head = (
        "data and network",
        "category mAP",
        "attribute mAP",
        "avg HM",
        "combined recall at 5, capped",
        "seconds, cold",
        "seconds, features kept",
    )
    return table(head, rows)


def extraction(figures: Mapping[str, Any]) -> str:
    """Images a second at each size."""
    rows = []
    for name, step in _steps(figures, "extraction-"):
        speeds = step["images_per_second"]
        shown = (f"{speeds[each]:.0f}" for each in ("onnxruntime", "PyTorch", "files"))
        rows.append(
            (name, *shown, f"{step['ratio']:.2f}", f"{step['largest_relative_difference']:.1g}")
        )
    head = (
        "size",
        "onnxruntime",
        "eager PyTorch",
        "from files",
        "ratio",
        "largest relative difference",
    )
    return table(head, rows)


def embeddings(figures: Mapping[str, Any]) -> str:
    """Seconds and memory for a million embeddings."""
    rows = [
        (
            f"{step['rows']:,} x {step['length']}, {name}",
            *(f"{step[f'{part}_seconds']:.0f}" for part in ("learning", "indexing")),
            *(f"{step[f'{part}_peak_mb']:,.0f}" for part in ("learning", "indexing")),
        )
        for name, step in _steps(figures, "embeddings-")
    ]
    return table(("embeddings", "learning, s", "indexing, s", "learning, MB", "indexing, MB"), rows)


def targets(figures: Mapping[str, Any]) -> str:
    """Each target with what was measured."""
    rows = [
        (
            name,
            f"{each['measured']:g}",
            f"{each['bound']} {each['target']:g}",
            "met" if each["met"] else "**missed**",
        )
        for name, each in figures["targets"].items()
    ]
    return table(("figure", "measured", "target", ""), rows)


TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    each.__name__: each for each in (results, extraction, embeddings, targets)
}


def _steps(figures: Mapping[str, Any], prefix: str) -> list[tuple[str, dict[str, Any]]]:
    steps: Results = figures["steps"]
    return [
        (name.removeprefix(prefix), step) for name, step in steps.items() if name.startswith(prefix)
    ]


def _mean(runs: list[dict[str, Any]], figure: str, digits: int) -> str:
    values = [run[figure] for run in runs if figure in run]
    return f"{fmean(values):.{digits}f}" if values else ""


if __name__ == "__main__":
    main()
