"""`dualhash search`: the three kinds of query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from dualhash.cli import output
from dualhash.cli.options import Names
from dualhash.errors import DualhashError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from dualhash.search import Results, SearchOptions
    from dualhash.search.hints import Shortage
    from dualhash.search.remote import Engine

BAR_WIDTH = 8

LAST = 2**63 - 1
"""Above all ids."""

WISHES = {
    "want": "{}",
    "without": "not {}",
    "match": "{} as the query has it",
    "filter": "the filter {}",
    "radius": "the range of distances up to {}",
}
"""How what excludes images is said."""

Filters = Annotated[
    tuple[str, ...],
    Parameter(
        name="--filter",
        negative=(),
        consume_multiple=False,
        show_default=False,
        metavar="COLUMN=VALUE",
    ),
]


def search(
    index: str,
    query: str | None = None,
    /,
    *,
    task: Literal["category", "attribute", "combined", "weighted"] | None = None,
    want: Names = (),
    without: Names = (),
    match: Names = (),
    filters: Filters = (),
    ids: str | None = None,
    radius: int | None = None,
    threshold: float = 0.5,
    attribute_weight: float | None = None,
    k: Annotated[int, Parameter(name=["-k", "--k"])] = 20,
    offset: int = 0,
    batch: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
    sheet: Path | None = None,
    model: Path | None = None,
    threads: int | None = None,
) -> None:
    """Find images of the same category, with chosen attributes, or both.

    category ranks by how alike the codes are. attribute ranks by how probable it is that an image
    has the chosen attributes. combined keeps the images that have them and ranks those by
    category. weighted keeps all images and weighs one against the other. Without --task it is
    category for a query alone, attribute for attributes alone, and combined for a query and
    attributes.

    Args:
        index: An index file; where `dualhash index push` brought one, such as
            milvus://host:19530/products; or the address that `dualhash serve` prints.
        query: An image file, or an item of the index as id:17, which is left out of the results.
            Not needed where --want and --without say it all.
        task: category, attribute, combined or weighted.
        want: Attributes that shall be present, as a,b.
        without: Attributes that shall be absent, as c,d.
        match: Attributes that must be as the query has them, as a,b.
        filters: Only items with this value of category or of any column of the catalogue, as
            articleType=Shirts. Several must all fit; say --filter once for each, as a comma is
            part of the value. Numbers fit however they are written.
        ids: Only items with ids from the first to below the second, as 100:200.
        radius: Only items whose codes differ from the query's in at most so many bits.
        threshold: For combined: how probable an attribute must be to count as present.
        attribute_weight: Task weighted. Weight of the attributes in bits; higher counts them more.
            By default the weight that was chosen for the model.
        k: How many results.
        offset: How many of the best to skip, to go on where an earlier search ended.
        batch: A file with one query a line, each an image (relative to the file) or id:17. With
            --json one line is printed for each.
        json: Print the results as JSON.
        sheet: A .png or .jpg file to draw them into.
        model: The model folder, where it is not where it was when the index was made.
        threads: How many share the work; one a core by default.
    """
    from dualhash.cli.batch import read_queries, show_answers
    from dualhash.search import Index, infer_task

    options: SearchOptions = {
        "want": want,
        "without": without,
        "match": match,
        "filter": _where(filters),
        "ids": _id_range(ids),
        "radius": radius,
        "threshold": threshold,
        "attribute_weight": attribute_weight,
        "k": k,
        "offset": offset,
        "threads": threads,
    }
    asked = query is not None or batch is not None
    options["task"] = task or infer_task(options, query=asked)
    if batch is not None and (query is not None or sheet is not None):
        raise DualhashError("--batch takes its queries from the file, and draws no sheet.")
    if sheet is not None:
        from dualhash.analysis.contact_sheet import sheet_format

        sheet_format(sheet)
    if task is None and options["task"] != "category":
        output.note(f"Taken for the task {options['task']}; choose another with --task.")
    with Index.open(index, model) as opened:
        if batch is not None:
            lines = read_queries(batch)
            answers = opened.search_batch((line.query for line in lines), **options)
            show_answers(batch, lines, answers, json=json)
            return
        results = opened.search(query, **options)
        missing = _shortage(opened, results, options) if results.matched < offset + k else None
    _show(results, missing, json=json, sheet=sheet)


def _shortage(index: Engine, results: Results, options: SearchOptions) -> Shortage | None:
    """An image is not encoded again, and an item is still left out of what it finds."""
    from dualhash.search.hints import shortage

    asked = results.query
    query = None if asked is None else asked.code if asked.id is None else asked.id
    return shortage(index, query, options, results.matched)


def _show(results: Results, missing: Shortage | None, *, json: bool, sheet: Path | None) -> None:
    from dualhash.analysis.contact_sheet import draw_sheet

    if sheet is not None:
        draw_sheet(results, sheet)
    if json:
        output.print_json(
            results.as_dict() | {"shortage": None if missing is None else asdict(missing)}
        )
        return
    output.show(_table(results))
    if missing is not None:
        output.say(_in_words(missing, results.matched))
    if sheet is not None:
        output.say(f"Drawn into {sheet}.")


def _in_words(missing: Shortage, matched: int) -> str:
    wish = WISHES[missing.field].format(missing.wish)
    if missing.matched_without > matched:
        return f"Without {wish}, {missing.matched_without:,} would match."
    return f"Several wishes exclude all else; the one that fewest match is {wish}."


def _where(filters: Sequence[str]) -> dict[str, str]:
    """What `--filter` asks for, by field."""
    where: dict[str, str] = {}
    for text in filters:
        field, equals, value = text.partition("=")
        if not field or not equals:
            raise DualhashError(f"The filter {text!r} is not of the form column=value.")
        if where.setdefault(field, value) != value:
            raise DualhashError(
                f"Filters ask for {field}={where[field]} and {field}={value}; an item has one."
            )
    return where


def _id_range(text: str | None) -> tuple[int, int] | None:
    """What `--ids` asks for, such as 100:200, 100: or :200."""
    if text is None:
        return None
    start, colon, stop = text.partition(":")
    try:
        bounds = int(start or 0), int(stop or LAST)
    except ValueError:
        colon = ""
    if not colon:
        raise DualhashError(f"The ids {text!r} are not of the form 100:200.")
    return bounds


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
            output.PathCell("/".join(Path(hit.image).parts[-2:])),
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
