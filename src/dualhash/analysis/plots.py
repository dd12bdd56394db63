"""Figures 10 and 11 of the paper, and which bits carry which attribute, drawn from numbers.

Drawing needs the extra `analysis`. Colours are those of Okabe and Ito, which colour-blind people
can distinguish; groups also differ in their markers.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dualhash.analysis.bit_functionality import BitFunctionality
from dualhash.analysis.correlation import min_max
from dualhash.errors import DualhashError
from dualhash.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dualhash.analysis.analyse import Analysis
    from dualhash.evaluation.calibration import ReliabilityDiagrams

STYLES = (
    ("#0072b2", "o"),
    ("#d55e00", "s"),
    ("#009e73", "^"),
    ("#cc79a7", "D"),
    ("#56b4e9", "v"),
    ("#e69f00", "P"),
)
"""Colours and markers of groups of attributes, repeated for further groups."""

INK, GREY, PALE = "#1d2733", "#5b6673", "#e6eaef"

DOTS_PER_INCH = 160

LABEL_ROOM = (1.4, 2.0)
"""Factors of width and height by which label boxes are enlarged when they are moved apart."""

LABEL_ROUNDS = 500
"""Number of rounds in which labels are moved apart; fixed, so the figure is always the same."""

ROW_INCHES, HEAD_INCHES = 0.24, 2.0
"""Height of an attribute in `draw_attributions`, and of everything else."""


def check_installed() -> None:
    """Raises an error without the extra `analysis`, before anything is computed.

    Raises:
        DualhashError: The extra is not installed.
    """
    for package in ("matplotlib", "adjustText"):
        if not find_spec(package):
            raise DualhashError(
                f"Drawing needs the package {package}: pip install 'dualhash[analysis]'."
            )


def draw_bits(functionality: BitFunctionality) -> Figure:
    """Draws figure 10: each bit by its category and attribute information, both normalised.

    Raises:
        DualhashError: The extra `analysis` is not installed.
    """
    subtitle = functionality.correlation.in_words("bits")
    figure, axes = _figure("What each bit says", subtitle, (6.4, 6))
    axes.scatter(
        min_max(np.array(functionality.category_information)),
        min_max(np.array(functionality.attribute_information)),
        s=36,
        facecolor=STYLES[0][0],
        edgecolor="white",
        linewidth=0.6,
        alpha=0.75,
    )
    axes.set_xlabel("category information (0 the least of all bits, 1 the most)")
    axes.set_ylabel("attribute information (0 the least of all bits, 1 the most)")
    axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal")
    return figure


def draw_alignment(functionality: BitFunctionality) -> Figure:
    """Draws figure 11: each attribute by its normalised alignment with categories, and c_attr.

    Attributes `facet=value` are coloured by facet. Attributes without an alignment or correlation
    are not drawn.

    Raises:
        DualhashError: The extra `analysis` is not installed.
    """
    subtitle = functionality.alignment_correlation.in_words("attributes")
    figure, axes = _figure("Where attributes are kept", subtitle, (8.6, 6.4))
    drawn = [
        attribute
        for attribute in functionality.attributes
        if attribute.alignment is not None and attribute.shared is not None
    ]
    names = [attribute.name for attribute in drawn]
    x = min_max(np.array([attribute.alignment for attribute in drawn], np.float64))
    y = np.array([attribute.shared for attribute in drawn], np.float64)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
    groups = [name.partition("=")[0] if "=" in name else "" for name in names]
    for place, group in enumerate(dict.fromkeys(groups)):
        rows = [row for row, other in enumerate(groups) if other == group]
        colour, mark = STYLES[place % len(STYLES)]
        axes.scatter(
            x[rows], y[rows], s=32, color=colour, marker=mark, label=group or None, zorder=3
        )
    axes.set_xlabel("alignment of the attribute with the categories (0 the least, 1 the most)")
    axes.set_ylabel("correlation of its weights with category information")
    axes.set_xlim(-0.06, 1.12)
    axes.margins(y=0.1)
    if any(groups):
        axes.legend(loc="lower right", frameon=False, labelcolor=INK)
    _label(figure, x, y, [name.partition("=")[2] or name for name in names])
    return figure


def draw_attributions(analysis: Analysis) -> Figure:
    """Draws which bits carry which attribute: a row for each attribute, a column for each bit.

    Bits are ordered by ascending category information.

    Raises:
        DualhashError: The extra `analysis` is not installed.
    """
    names = analysis.head.names
    size = (11.0, HEAD_INCHES + ROW_INCHES * len(names))
    subtitle = (
        "weight of each bit / the attribute's largest; bits by ascending category information"
    )
    figure, axes = _figure("Which bits carry which attribute", subtitle, size)
    order = np.argsort(analysis.functionality.category_information, kind="stable")
    image = axes.imshow(
        analysis.attributions[:, order],
        cmap="PuOr_r",
        vmin=-1,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.set_xlabel(
        "bits: least category information on the left, most on the right\n"
        "above 0: a set bit makes the attribute more probable; below 0: less probable"
    )
    figure.colorbar(image, ax=axes, pad=0.015, fraction=0.03)
    return figure


def draw_reliability(diagrams: ReliabilityDiagrams) -> Figure:
    """Draws the share of right predictions by their probability; on the diagonal they are equal.

    Raises:
        DualhashError: The extra `analysis` is not installed.
    """
    subtitle = "15 bins of equally many predictions on test images; on the line: as often as said"
    figure, axes = _figure("How often predictions are right", subtitle, (6.4, 6))
    axes.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, zorder=1)
    drawn = {"most probable category": diagrams.category, "attributes": diagrams.all_attributes}
    for (name, diagram), (colour, mark) in zip(drawn.items(), STYLES, strict=False):
        if diagram is not None:
            label = f"{name}: expected calibration error {diagram.error:.3f}"
            axes.plot(
                diagram.probability, diagram.share, color=colour, marker=mark, label=label, zorder=3
            )
    axes.set_xlabel("mean predicted probability of a bin")
    axes.set_ylabel("share of its predictions that are right")
    axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal")
    axes.legend(loc="upper left", frameon=False, labelcolor=INK)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG in one step.

    Raises:
        DualhashError: The file cannot be written.
    """
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    write_whole(path, drawn.getvalue())


def _figure(title: str, subtitle: str, size: tuple[float, float]) -> tuple[Figure, Axes]:
    check_installed()
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12))
    axes = figure.add_subplot()
    figure.suptitle(title, x=0.02, ha="left", fontsize=14, fontweight="bold", color=INK)
    axes.set_title(subtitle, loc="left", fontsize=10, color=GREY)
    axes.grid(color=PALE)
    axes.set_axisbelow(True)
    axes.spines[:].set_color(PALE)
    axes.tick_params(colors=GREY, labelcolor=INK)
    return figure, axes


def _label(
    figure: Figure, x: NDArray[np.float64], y: NDArray[np.float64], names: Sequence[str]
) -> None:
    """Writes names beside points and moves them apart until they are readable."""
    from adjustText import adjust_text
    from matplotlib.patheffects import withStroke

    (axes,) = figure.axes
    halo = [withStroke(linewidth=2.5, foreground="white")]
    texts = [
        axes.text(float(left), float(top), name, size=8, color=INK, path_effects=halo, zorder=2)
        for left, top, name in zip(x, y, names, strict=True)
    ]
    if texts:
        figure.draw_without_rendering()  # computes positions
        adjust_text(
            texts,
            x=x,
            y=y,
            ax=axes,
            expand=LABEL_ROOM,
            iter_lim=LABEL_ROUNDS,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.6},
        )
