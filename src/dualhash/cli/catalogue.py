"""`dualhash catalogue show`: the labels of a table, a folder or a data set, and its problems."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cyclopts import App
from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from dualhash.catalogue.check_images import check_images as read_images
from dualhash.catalogue.problems import CatalogueProblem
from dualhash.catalogue.summary import CatalogueSummary, Size, summarise
from dualhash.cli import output
from dualhash.cli.options import CatalogueSource, ColumnOptions, Flag

catalogue_app = App(name="catalogue", help="Check a table, a folder or a data set.")

LONG_ATTRIBUTES = 40
"""How many attributes are shown without --all."""

BAR_WIDTH = 30

SEEN_IN_TRAINING = {
    "train-both": "category and attributes",
    "train-attribute": "attributes",
    "train-category": "category",
    "test": "none",
    "none": "none",
}


@catalogue_app.command
def show(
    source: CatalogueSource,
    /,
    *,
    columns: ColumnOptions = ColumnOptions(),
    json: Flag = False,
    all: Flag = False,
    check_images: bool = True,
    features: Path | None = None,
) -> None:
    """Print categories, attributes and subsets, and every problem.

    Args:
        source: A CSV or Parquet table with one row per image, a folder with a subfolder per
            category, or a data set: openmoji, fashion:FOLDER, cfw60k:FOLDER, imagenet150k:FOLDER
            or sun120k:FOLDER.
        columns: How a table is read.
        json: Print everything as JSON.
        all: Print long lists in full.
        check_images: Read every image file to find damaged ones.
        features: For a table of vectors, their .npy file: row i for row i of the table.
    """
    catalogue, sizes = columns.read(source, features=features), None
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
        f"{summary.source}: {output.counted(summary.images, 'image')}, "
        f"{output.counted(len(summary.categories), 'category')}, "
        f"{output.counted(len(summary.attributes), 'attribute')}."
    )
    if summary.smallest is None or summary.largest is None:
        return counts
    small, large = _size(summary.smallest), _size(summary.largest)
    sizes = f"All are {small}" if small == large else f"From {small} to {large}"
    return f"{counts} {sizes} (width × height)."


def _size(size: Size) -> str:
    return f"{size[1]} × {size[0]}"


def _tables(summary: CatalogueSummary, *, cut: bool) -> Iterator[Table]:
    limit = output.LONG_LIST if cut else None
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
        yield _problems(f"{output.counted(summary.left_out, 'image')} left out", left_out, limit)


def _subsets(summary: CatalogueSummary) -> Table:
    rows = [
        (name, images, SEEN_IN_TRAINING[name])
        for name, images in summary.subsets.items()
        if images or name != "none"
    ]
    return output.table("Subsets", ["subset", ">images", "labels used in training"], rows)


def _categories(summary: CatalogueSummary, limit: int | None) -> Table:
    largest_first = sorted(summary.categories.items(), key=lambda item: -item[1])
    most = max(1, largest_first[0][1])
    rows = [(name, images, Bar(most, 0, images, width=BAR_WIDTH)) for name, images in largest_first]
    table = _cut_table("Categories", ["category", ">images", ""], rows, limit)
    if summary.uncategorised:
        table.add_section()
        table.add_row(Text("missing", style="italic"), f"{summary.uncategorised:,}")
    return table


def _attributes(summary: CatalogueSummary, limit: int | None) -> Table:
    rows = [
        (
            *(attribute.name, attribute.present, attribute.absent, attribute.missing),
            "–" if attribute.class_ratio is None else f"{attribute.class_ratio:.3f}",
        )
        for attribute in summary.attributes
    ]
    headers = ["attribute", ">present", ">absent", ">missing", ">r"]
    return _cut_table("Attributes", headers, rows, limit, "r: negatives / positives in training")


def _problems(title: str, problems: Sequence[CatalogueProblem], limit: int | None) -> Table:
    rows = [(problem.location, problem.message) for problem in problems]
    table = _cut_table(title, ["where", "problem"], rows, limit)
    table.columns[0].overflow = "fold"
    return table


def _cut_table(
    title: str, headers: list[str], rows: Sequence[output.Row], limit: int | None, caption: str = ""
) -> Table:
    """A table of the first `limit` rows; its caption gives the number of the others."""
    if limit is not None and len(rows) > limit:
        caption = f"… and {len(rows) - limit:,} more (use --all or --json)\n{caption}".rstrip()
    return output.table(title, headers, rows[:limit], caption)
