"""`dualhash search`: the three kinds of query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from dualhash.cli import output
from dualhash.cli.options import Names
from dualhash.errors import DualhashError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from dualhash.search import Results

BAR_WIDTH = 8

Filters = Annotated[
    tuple[str, ...], Parameter(name="--filter", negative=(), consume_multiple=False)
]


def search(
    index: Path,
    query: str | None = None,
    /,
    *,
    task: Literal["category", "attribute", "combined"] = "category",
    want: Names = (),
    without: Names = (),
    attributes: Names = (),
    filters: Filters = (),
    radius: Annotated[int | None, Parameter(name="--range")] = None,
    k: Annotated[int, Parameter(name=["-k", "--k"])] = 20,
    json: Annotated[bool, Parameter(negative=())] = False,
    sheet: Path | None = None,
    model: Path | None = None,
    threads: int | None = None,
) -> None:
    """Find images of the same category, with chosen attributes, or both.

    category ranks by how alike the codes are. attribute ranks by how probable it is that an image
    has the chosen attributes. combined keeps the images that have them and ranks those by
    category.

    Args:
        index: An index file.
        query: An image file, or an item of the index as id:17, which is left out of the results.
            Not needed where --want and --without say it all.
        task: category, attribute or combined.
        want: Attributes that shall be present, as a,b.
        without: Attributes that shall be absent, as c,d.
        attributes: Attributes that shall be as the query has them, as a,b.
        filters: Only items with this value, as articleType=Shirts: category, or any column of the
            catalogue. All of several filters must fit.
        radius: Only items whose codes differ from the query's in at most so many bits.
        k: How many results.
        json: Print the results as JSON.
        sheet: A PNG file to draw them into.
        model: The model folder, where it is not where it was when the index was made.
        threads: How many share the work; one a core by default.
    """
    from dualhash.analysis.sheet import draw_sheet
    from dualhash.search import Index

    with Index.open(index, model) as opened:
        results = opened.search(
            query,
            task=task,
            want=want,
            without=without,
            attributes=attributes,
            where=_where(filters),
            radius=radius,
            k=k,
            threads=threads,
        )
    if sheet is not None:
        draw_sheet(results, sheet)
    if json:
        output.print_json(results.as_dict())
        return
    output.show(_table(results))
    if sheet is not None:
        output.say(f"Drawn into {sheet}.")


def _where(filters: Sequence[str]) -> dict[str, str]:
    """What `--filter` asks for, by field."""
    where: dict[str, str] = {}
    for text in filters:
        field, equals, value = text.partition("=")
        if not field or not equals:
            raise DualhashError(f"The filter {text!r} is not of the form field=value.")
        if where.setdefault(field, value) != value:
            raise DualhashError(
                f"Filters ask for {field}={where[field]} and {field}={value}; an item has one."
            )
    return where


def _table(results: Results) -> Table:
    from rich.text import Text

    shown = output.table(
        f"{results.words}: {results.found}",
        *(">rank", ">id", ">distance", "category"),
        *results.confidences(dict.fromkeys(results.conditions, 0.0)),
        "image",
    )
    for hit in results.hits:
        shown.add_row(
            str(hit.rank),
            str(hit.id),
            "" if hit.distance is None else str(hit.distance),
            Text(hit.labels.category or ""),
            *map(_bar, results.confidences(hit.probabilities).values()),
            Text("/".join(Path(hit.image).parts[-2:])),
        )
    return shown


def _bar(probability: float) -> Text:
    from rich.text import Text

    filled = round(probability * BAR_WIDTH)
    return Text.assemble(
        ("━" * filled, "blue"),
        ("─" * (BAR_WIDTH - filled), "bright_black"),
        f" {probability:4.0%}",
    )
