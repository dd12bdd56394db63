"""`dualhash evaluate`: how good a model is on the test subset of a catalogue."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from dualhash.analysis.plots import check_installed, draw_reliability, save
from dualhash.cli import output
from dualhash.cli.options import CatalogueSource, ColumnOptions, Flag, Whole
from dualhash.codes import Model
from dualhash.codes.code_file import SavedCodes, read_saved
from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate import evaluate as measure
from dualhash.evaluation.evaluation_result import Evaluation

TITLES = {
    "category_map": "category mAP",
    "attribute_map": "attribute mAP",
    "avg_hm": "avg HM of attributes",
    "combined_recall_at_5": "combined recall at 5",
    "combined_capped_recall_at_5": "combined capped recall at 5",
    "combined_posterior_recall_at_5": "  ranked by posterior",
    "combined_posterior_capped_recall_at_5": "  the same, capped",
    "combined_absent_recall_at_5": "  queries without the wanted attribute",
    "combined_absent_capped_recall_at_5": "  the same, capped",
    "category_ece": "calibration error of categories",
    "category_ece_as_trained": "  before calibration",
    "attribute_ece": "calibration error of attributes",
    "attribute_ece_as_trained": "  before calibration",
    "precision_at_90": "precision of filters for 0.9",
}
"""The figures of the table; recalls at other numbers of results are in the JSON."""

TASKS = ("category", "attribute", "combined")

FEW_IMAGES = 100
"""With fewer test images a note warns that the intervals are too narrow."""


def evaluate(
    model: Path,
    source: CatalogueSource,
    /,
    *,
    protocol: str = "ijcv2020",
    codes: Literal["binary", "real"] = "binary",
    json: Flag = False,
    out: Path | None = None,
    diagram: Path | None = None,
    views: Literal[1, 10] = 1,
    bootstrap: Annotated[Whole, Parameter(validator=Number(gte=0))] = 1000,
    seed: Annotated[Whole, Parameter(validator=Number(gte=0))] = 0,
    features: Path | None = None,
    columns: ColumnOptions = ColumnOptions(),
) -> None:
    """Evaluate a model: each test image is a query against all others, in all three tasks.

    The table is read with the columns saved in the model, unless you give others.

    Args:
        model: A model folder, or a file of codes from `dualhash codes import`.
        source: A catalogue with images in the subset test, in any form that `dualhash train` reads.
        protocol: ijcv2020, or cvpr2017 to compare with figures of the released code.
        codes: binary evaluates the codes that an index holds, real the outputs before thresholding.
        json: Print all figures, counts and hashes as JSON.
        out: A file to write this JSON to.
        diagram: An image file to draw the reliability diagrams of the probabilities to.
        views: 10 averages the centre, the four corners and their mirror images.
        bootstrap: Number of draws of the queries for the intervals; 0 for no intervals.
        seed: Seed of the draws.
        features: For a model that takes vectors, their .npy file: row i for row i of the table.
        columns: The role of each column.
    """
    if diagram is not None:
        check_installed()
    evaluated: Model | SavedCodes
    if model.is_file():
        if diagram is not None:
            raise DualhashError(
                f"{model} has no calibrated probabilities, so --diagram cannot be drawn; leave it "
                "out."
            )
        if views != 1:
            raise DualhashError(
                f"{model} already has its codes, so --views cannot be used; leave it out."
            )
        evaluated = read_saved(model)
        catalogue = columns.read(source)
    else:
        evaluated = Model.open(model)
        catalogue = columns.read(source, evaluated, features)
    output.list_left_out(catalogue.left_out)
    with output.stages() as report:
        evaluation = measure(
            evaluated,
            catalogue,
            protocol=protocol,
            codes=codes,
            views=views,
            bootstrap=bootstrap,
            seed=seed,
            progress=report,
        )
    output.list_left_out(evaluation.failures)
    values = evaluation.model_dump(mode="json")
    if out is not None:
        output.write_json(out, values)
    if diagram is not None and evaluation.reliability is not None:
        save(draw_reliability(evaluation.reliability), diagram)
    if json:
        output.print_json(values)
        return
    _show_figures(evaluation)
    _show_counts(evaluation)
    if evaluation.counts["images"] < FEW_IMAGES:
        output.say(
            f"Only {output.counted(evaluation.counts['images'], 'test image')}: with others, the "
            "figures can differ by more than the intervals show."
        )
    if out is not None:
        output.say(f"Written to {out}.")


def _show_figures(evaluation: Evaluation) -> None:
    title = (
        f"Protocol {evaluation.protocol}, {evaluation.codes} codes, "
        f"{output.counted(evaluation.counts['images'], 'image')}"
    )
    rows = []
    for name, shown in TITLES.items():
        if figure := evaluation.figures.get(name):
            value = "none" if figure.value is None else f"{figure.value:.3f}"
            interval = "" if figure.low is None else f"{figure.low:.3f} to {figure.high:.3f}"
            rows.append((shown, value, interval))
    output.show(output.table(title, ["figure", ">value", ">95 %"], rows))


def _show_counts(evaluation: Evaluation) -> None:
    columns = ("queries", "left_out_missing_label", "left_out_nothing_relevant")
    rows: list[output.Row] = [
        (task, *(evaluation.counts[f"{task}_{each}"] for each in columns)) for task in TASKS
    ]
    headers = ["", ">count", ">left out: missing label", ">left out: nothing relevant"]
    output.show(output.table("Queries", headers, rows))
