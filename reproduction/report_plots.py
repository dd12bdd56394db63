"""The figures of the report, drawn from numbers. Needs matplotlib."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dualhash.catalogue.images import ImageError, decode
from reproduction.measure_cell import BINS
from reproduction.retrieval_examples import ResultImage, Retrieval, RetrievalSheet
from reproduction.table_definition import Exhibit
from reproduction.table_values import Table

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""Wong's palette, which colour-blind people can distinguish (Nature Methods 8, 2011)."""

RIGHT, WRONG, UNKNOWN = "#009e73", "#d55e00", "#999999"

FindImage = Callable[[str], Path | None]
"""Returns the file of an image by its name, or None if it is not available."""


def plot_table(exhibit: Exhibit, table: Table) -> Figure:
    """Draws a table as lines along its columns, or as groups of bars."""
    figure, axes = _axes()
    (_lines if exhibit.drawn == "lines" else _bars)(axes, exhibit, table)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def plot_histogram(counts: Sequence[int]) -> Figure:
    """Draws figure 8: the share of outputs in each part of [0, 1]."""
    figure, axes = _axes()
    edges = np.linspace(0, 1, BINS + 1)
    axes.bar(edges[:-1], np.array(counts) / sum(counts), 1 / BINS, align="edge", color=COLOURS[0])
    axes.set(xlabel="output of the hash layer", ylabel="share of all outputs", xlim=(0, 1))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_reliability(lines: Mapping[str, Mapping[str, Sequence[float]] | None]) -> Figure:
    """Draws the share that is right against the predicted probability.

    Args:
        lines: By name, the `probability` and `share` of the points; None is left out.
    """
    figure, axes = _axes()
    axes.plot([0, 1], [0, 1], color=UNKNOWN, linewidth=1, linestyle="--")
    for colour, (name, points) in zip(COLOURS, lines.items(), strict=False):
        if points is not None:
            places, shares = points["probability"], points["share"]
            axes.plot(places, shares, "o-", label=name, color=colour, ms=3)
    axes.set(xlabel="predicted probability", ylabel="share that is right")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_sheet(sheet: RetrievalSheet, find: FindImage = lambda _: None) -> Figure:
    """Draws figures 13 and 15: a row for each query, framed green if right and orange if wrong.

    Bars show the probability of each wanted value. If an image file is not available, its tile
    shows the category in words.
    """
    columns = 1 + max(len(each.top) + len(each.bottom) for each in sheet.retrievals)
    rows = len(sheet.retrievals)
    figure = Figure(figsize=(1.15 * columns, 2.1 * rows))
    figure.subplots_adjust(left=0.02, right=0.98, top=0.96, bottom=0.08, hspace=0.45)
    for row, retrieval in enumerate(sheet.retrievals):
        _query(figure.add_subplot(rows, columns, row * columns + 1), retrieval, find)
        for place, shown in enumerate((*retrieval.top, *retrieval.bottom)):
            tile = figure.add_subplot(rows, columns, row * columns + 2 + place)
            _tile(tile, shown, find)
            if retrieval.bottom and row == 0 and place in (0, len(retrieval.top)):
                tile.set_title("top" if place == 0 else "bottom", fontsize=8, loc="left")
    return figure


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.5, 3.8), layout="constrained")
    return figure, figure.add_subplot()


def _lines(axes: Axes, exhibit: Exhibit, table: Table) -> None:
    """Draws one colour for each method; a second line of it, named `METHOD, …`, is dashed."""
    places = range(len(table.columns))
    methods = list(dict.fromkeys(head.partition(",")[0] for head in table.rows))
    for head, numbers in table.rows.items():
        at = [place for place in places if numbers[place] is not None]
        there = [number for number in numbers if number is not None]
        if not there:
            continue
        colour = COLOURS[methods.index(head.partition(",")[0]) % len(COLOURS)]
        line = "o--" if "," in head else "o-"
        axes.plot(at, [number.mean for number in there], line, label=head, color=colour, ms=3)
        ends = [number.interval or (number.mean, number.mean) for number in there]
        axes.fill_between(at, [e[0] for e in ends], [e[1] for e in ends], color=colour, alpha=0.15)
    axes.set_xticks(list(places), [column.removesuffix("-bit") for column in table.columns])
    axes.set(xlabel=exhibit.axis, ylabel=exhibit.figure)


def _bars(axes: Axes, _exhibit: Exhibit, table: Table) -> None:
    width = 0.8 / len(table.rows)
    for i, (head, numbers) in enumerate(table.rows.items()):
        for place, number in enumerate(numbers):
            if number is None:
                continue
            low, high = number.interval or (number.mean, number.mean)
            axes.bar(
                place + (i - (len(table.rows) - 1) / 2) * width,
                number.mean,
                width,
                yerr=[[max(number.mean - low, 0)], [max(high - number.mean, 0)]],
                color=COLOURS[i % len(COLOURS)],
                label=None if place else head,
            )
    axes.set_xticks(range(len(table.columns)), table.columns)
    axes.set_ylim(0, 1)


def _query(axes: Axes, retrieval: Retrieval, find: FindImage) -> None:
    _picture(axes, find(retrieval.image), retrieval.category)
    wanted = [name if value else f"not {name}" for name, value in retrieval.wanted.items()]
    axes.set_xlabel("\n".join(wanted), fontsize=6)


def _tile(axes: Axes, shown: ResultImage, find: FindImage) -> None:
    _picture(axes, find(shown.image), shown.category)
    colour = {True: RIGHT, False: WRONG, None: UNKNOWN}[shown.right]
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=2.5, linestyle="-" if shown.right else "--")
    for i, probability in enumerate(shown.probabilities):
        bottom = -0.07 * (i + 1) - 0.02
        for length, tone in ((1.0, "#dddddd"), (probability, COLOURS[0])):
            axes.add_patch(
                Rectangle(
                    (0, bottom),
                    length,
                    0.045,
                    transform=axes.transAxes,
                    color=tone,
                    linewidth=0,
                    clip_on=False,
                )
            )


def _picture(axes: Axes, path: Path | None, category: str | None) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    if path is not None:
        try:
            axes.imshow(np.asarray(decode(path)), aspect="auto")
        except ImageError:
            pass
        else:
            return
    axes.set(xlim=(0, 1), ylim=(0, 1))
    words = "\n".join((category or "no category").split())
    axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=6)
