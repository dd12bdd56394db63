"""`dualhash analyse`: which categories and attributes each bit of a code stands for."""

from pathlib import Path
from typing import Literal

from dualhash.analysis.analyse import analyse as analyse_model
from dualhash.analysis.correlation import Correlation
from dualhash.analysis.plots import check_installed
from dualhash.analysis.summary_text import NO_ATTRIBUTES
from dualhash.analysis.write_report import as_json, write_report
from dualhash.cli import output
from dualhash.cli.options import CatalogueSource, ColumnOptions, Flag
from dualhash.codes import Model


def analyse(
    model: Path,
    source: CatalogueSource,
    /,
    *,
    out: Path,
    json: Flag = False,
    views: Literal[1, 10] = 1,
    features: Path | None = None,
    columns: ColumnOptions = ColumnOptions(),
) -> None:
    """Show which categories and attributes each bit stands for, on the test images of a catalogue.

    Writes a summary in words, figures 10 and 11 of the paper, tables of the bits that each
    attribute depends on, and all numbers as JSON. The table is read with the columns saved in the
    model, unless you give others.

    Args:
        model: A model folder.
        source: A catalogue with images in the subset test, in any form that `dualhash train` reads.
        out: The folder for summary.md and the other files; existing files of these names are
            replaced.
        json: Print the numbers as JSON.
        views: 10 averages the centre, the four corners and their mirror images.
        features: For a model that takes vectors, their .npy file: row i for row i of the table.
        columns: The role of each column.
    """
    check_installed()
    opened = Model.open(model)
    catalogue = columns.read(source, opened, features)
    output.list_left_out(catalogue.left_out)
    with output.progress("Encoding") as report:
        analysis = analyse_model(opened, catalogue, views=views, progress=report)
    output.list_left_out(analysis.failures)
    written = write_report(analysis, out)
    if json:
        output.print_json(as_json(analysis))
        return
    found = analysis.functionality
    summary = f"{output.counted(found.images, 'test image')}, {opened.bits} bits"
    if found.attributes:
        title = f"{summary}, {len(found.attributes)} attributes"
        rows = [
            _row("category and attribute information of a bit", found.correlation),
            _row("alignment of an attribute and use of category bits", found.alignment_correlation),
        ]
        output.show(output.table(title, ["correlation", ">over", ">value", ">95 %"], rows))
    else:
        output.say(f"{summary}. {NO_ATTRIBUTES}")
    output.say(f"Summary: {written[0]}. Also written: {', '.join(p.name for p in written[1:])}.")


def _row(name: str, correlation: Correlation) -> tuple[str | int, ...]:
    value, low, high = correlation.value, correlation.low, correlation.high
    return (
        name,
        correlation.pairs,
        "none" if value is None else f"{value:.2f}",
        "" if low is None or high is None else f"{low:.2f} to {high:.2f}",
    )
