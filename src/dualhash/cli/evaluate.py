"""`dualhash evaluate`: how good a model is on the test subset of a catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from dualhash.cli import output
from dualhash.cli.options import ColumnOptions

if TYPE_CHECKING:
    from rich.table import Table

    from dualhash.evaluation.report import Evaluation

TITLES = {
    "category_map": "category mAP",
    "attribute_map": "attribute mAP",
    "avg_hm": "avg HM of attributes",
    "combined_recall_at_5": "combined recall at 5",
    "combined_capped_recall_at_5": "combined capped recall at 5",
}
"""What the table calls the figures; others appear under their own names."""

REMEMBERED = ColumnOptions()


def evaluate(
    model: Path,
    table: str,
    /,
    *,
    protocol: str = "ijcv2020",
    codes: Literal["binary", "real"] = "binary",
    json: Path | None = None,
    views: Literal[1, 10] = 1,
    bootstrap: Annotated[int, Parameter(validator=Number(gte=0))] = 1000,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    columns: ColumnOptions = REMEMBERED,
) -> None:
    """Judge a model: every test image queries all the others, for all three kinds of search.

    The table is read with the columns that the model remembers, unless others are given.

    Args:
        model: A model folder.
        table: A catalogue with images in the subset test, as `dualhash train` takes it.
        protocol: ijcv2020, or cvpr2017 to compare with figures of the released code.
        codes: binary judges the codes that an index holds, real the outputs before thresholding.
        json: A file for all figures, counts and hashes.
        views: 10 averages corners, centre and mirrors of each image.
        bootstrap: Draws of the queries for the intervals; 0 for none.
        seed: Of the draws.
        columns: Which column plays which part.
    """
    from dualhash.catalogue.catalogue import LabelNames
    from dualhash.catalogue.read import read_catalogue
    from dualhash.codes import Model
    from dualhash.evaluation.evaluate import evaluate as measure

    opened = Model.open(model)
    card = opened.card
    catalogue = read_catalogue(
        table,
        columns.columns(card.columns),
        like=LabelNames(card.category_names, card.attribute_names),
    )
    with output.stages() as report:
        evaluation = measure(
            opened,
            catalogue,
            protocol=protocol,
            codes=codes,
            views=views,
            bootstrap=bootstrap,
            seed=seed,
            progress=report,
        )
    for part in (_figures(evaluation), _counts(evaluation)):
        output.show(part)
    if json is not None:
        output.write_json(json, evaluation.model_dump(mode="json"))
        output.say(f"Written to {json}.")


def _figures(evaluation: Evaluation) -> Table:
    table = output.table(
        f"Protocol {evaluation.protocol}, {evaluation.codes} codes", "figure", ">value", ">95 %"
    )
    for name, figure in evaluation.figures.items():
        value = "none" if figure.value is None else f"{figure.value:.3f}"
        interval = "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
        table.add_row(TITLES.get(name, name.replace("_", " ")), value, interval)
    return table


def _counts(evaluation: Evaluation) -> Table:
    table = output.table("What took part", "", ">count")
    for name, count in evaluation.counts.items():
        table.add_row(name.replace("_", " "), f"{count:,}")
    return table
