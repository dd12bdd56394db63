"""`dualhash catalogue show`: the labels of a table, a folder or a data set, and its problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from cyclopts import App

from dualhash.cli import output
from dualhash.cli.options import ColumnOptions, Flag

if TYPE_CHECKING:
    from rich.table import Table

    from dualhash.catalogue.problems import CatalogueProblem
    from dualhash.catalogue.summary import CatalogueSummary, Size

T = TypeVar("T")

catalogue_app = App(name="catalogue", help="Check a table, a folder or a data set.")

DEFAULT_COLUMNS = ColumnOptions()

LONG_LIST, LONG_ATTRIBUTES = 15, 40
"""How many entries of a list, and how many attributes, are shown without --all."""

BAR_WIDTH = 30

SEEN_IN_TRAINING = {
    "train-both": "category and attributes",
    "train-attribute": "attributes",
    "train-category": "category",
    "test": "nothing",
    "none": "nothing",
}


@catalogue_app.command
def show(
    table: str,
    /,
    *,
    columns: ColumnOptions = DEFAULT_COLUMNS,
    json: Flag = False,
    all: Flag = False,
    check_images: bool = True,
) -> None:
    """Print categories, attributes and subsets, and every problem.

    Args:
        table: A .csv or .parquet table with one row an image, a folder of category folders, or a
            data set: openmoji, fashion:FOLDER, cfw60k:FOLDER, imagenet150k:FOLDER, sun120k:FOLDER.
        columns: How a table is read.
        json: Print everything as JSON.
        all: Print long lists in full.
        check_images: Read every image file to find damaged ones.
    """
    from dualhash.catalogue.check_images import check_images as read_images
    from dualhash.catalogue.summary import summarise

    catalogue, sizes = columns.read(table), None
    if check_images:
        with output.progress("Checking images") as report:
            catalogue, sizes = read_images(catalogue, report)
    summary = summarise(catalogue, sizes)
    if json:
        output.print_json(summary.model_dump(mode="json"))
        return
    output.say(_headline(summary))
    for part in _tables(summary, cut=not all):
        output.show(part)
    if summary.training_refusals:
        output.say("Training refuses this catalogue:")
        for reason in summary.training_refusals:
            output.say(f"  {reason}")
    elif not summary.problems:
        output.say("No problems found.")


def _headline(summary: CatalogueSummary) -> str:
    counts = (
        f"{summary.source}: {_counted(summary.images, 'image')}, "
        f"{_counted(len(summary.categories), 'category', 'categories')}, "
        f"{_counted(len(summary.attributes), 'attribute')}."
    )
    if summary.smallest is None or summary.largest is None:
        return counts
    small, large = _size(summary.smallest), _size(summary.largest)
    sizes = f"All are {small}" if small == large else f"From {small} to {large}"
    return f"{counts} {sizes} (width × height)."


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _size(size: Size) -> str:
    return f"{size[1]} × {size[0]}"


def _tables(summary: CatalogueSummary, *, cut: bool) -> Iterator[Table]:
    limit = LONG_LIST if cut else None
    yield _subsets(summary)
    if summary.categories:
        yield _categories(summary, limit)
    if summary.attributes:
        yield _attributes(summary, LONG_ATTRIBUTES if cut else None)
    remarks = [problem for problem in summary.problems if not problem.fatal]
    if remarks:
        # Problems of the whole catalogue come before those of single rows.
        yield _problems("Remarks", sorted(remarks, key=lambda p: p.of_one_row), limit)
    if summary.left_out:
        left_out = [problem for problem in summary.problems if problem.fatal]
        yield _problems(f"{_counted(summary.left_out, 'image')} left out", left_out, limit)


def _subsets(summary: CatalogueSummary) -> Table:
    table = output.table("Subsets", "subset", ">images", "training sees its")
    for name, images in summary.subsets.items():
        if images or name != "none":
            table.add_row(name, f"{images:,}", SEEN_IN_TRAINING[name])
    return table


def _categories(summary: CatalogueSummary, limit: int | None) -> Table:
    from rich.bar import Bar
    from rich.text import Text

    largest_first = sorted(summary.categories.items(), key=lambda item: -item[1])
    most = max(1, largest_first[0][1])
    table = output.table("Categories", "category", ">images", "")
    for name, images in _cut(table, largest_first, limit):
        table.add_row(name, f"{images:,}", Bar(most, 0, images, width=BAR_WIDTH))
    if summary.uncategorised:
        table.add_section()
        table.add_row(Text("missing", style="italic"), f"{summary.uncategorised:,}")
    return table


def _attributes(summary: CatalogueSummary, limit: int | None) -> Table:
    table = output.table("Attributes", "attribute", ">present", ">absent", ">missing", ">r")
    for attribute in _cut(table, summary.attributes, limit):
        ratio = "–" if attribute.class_ratio is None else f"{attribute.class_ratio:.3f}"
        counts = (attribute.present, attribute.absent, attribute.missing)
        table.add_row(attribute.name, *(f"{count:,}" for count in counts), ratio)
    r = "r: negatives / positives in training"
    table.caption = f"{table.caption}\n{r}" if table.caption else r
    return table


def _problems(title: str, problems: Sequence[CatalogueProblem], limit: int | None) -> Table:
    table = output.table(title, "where", "problem")
    table.columns[0].overflow = "fold"
    for problem in _cut(table, problems, limit):
        table.add_row(problem.location, problem.message)
    return table


def _cut(table: Table, entries: Sequence[T], limit: int | None) -> Sequence[T]:
    """The first `limit` entries; the caption of the table gives the number of the others."""
    if limit is None or len(entries) <= limit:
        return entries
    table.caption = f"… and {len(entries) - limit:,} more (use --all or --json)"
    return entries[:limit]
