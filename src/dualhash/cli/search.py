"""`dualhash search`: searches an index, for one query or a file of queries."""

from collections.abc import Sequence
from dataclasses import asdict, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token
from rich.text import Text

from dualhash.analysis.contact_sheet import draw_sheet, sheet_format
from dualhash.cli import output
from dualhash.cli.batch import print_answers, read_queries
from dualhash.cli.options import WHOLE, Flag, Names
from dualhash.errors import DualhashError
from dualhash.search import Index, Results, SearchOptions, SearchRequest
from dualhash.search.remote.base import RemoteIndex
from dualhash.search.request import make_request
from dualhash.search.storage.reader import LAST_ID
from dualhash.search.too_few_results import Shortage, shortage

BAR_WIDTH = 8

CONDITIONS = {
    "want": "{}",
    "without": "not {}",
    "match": "{} as in the query",
    "filter": "the filter {}",
    "radius": "the radius of {}",
}
"""How a message names the condition that excludes most images."""


def _filters(texts: Sequence[str]) -> dict[str, str]:
    """Converts the values of `--filter`, each as column=value."""
    filters: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise DualhashError(f"The filter {text!r} is not of the form column=value.")
        if filters.setdefault(name, value) != value:
            raise DualhashError(
                f"The filters {name}={filters[name]} and {name}={value} exclude each other; an "
                "item has one value."
            )
    return filters


def _id_range(_: object, tokens: Sequence[Token]) -> tuple[int, int]:
    """Converts `--ids 100:200`, `100:` or `:200`."""
    (token,) = tokens
    start, colon, stop = token.value.partition(":")
    try:
        bounds = int(start or 0), int(stop or LAST_ID + 1)
    except ValueError:
        colon = ""
    if not colon:
        raise DualhashError(f"The ids {token.value!r} are not of the form 100:200.")
    return bounds


NOTATION: dict[str, tuple[Any, str]] = {
    "want": (Names, " As a,b."),
    "without": (Names, " As a,b."),
    "match": (Names, " As a,b."),
    "filter": (
        Annotated[
            tuple[str, ...],
            Parameter(
                negative=(),
                consume_multiple=False,
                show_default=False,
                metavar="COLUMN=VALUE",
            ),
        ],
        " Use --filter once for each; a comma is part of the value.",
    ),
    "ids": (
        Annotated[
            tuple[int, int] | None,
            Parameter(converter=_id_range, n_tokens=1, negative=(), metavar="FIRST:STOP"),
        ],
        " As 100:200.",
    ),
    "k": (Annotated[int, Parameter(name=["-k", "--k"]), WHOLE], ""),
}
"""Options with a notation of their own on the command line: type, and an addition to the help."""


def _option(name: str) -> tuple[str, Any, Any]:
    """Returns an option of `SearchRequest` as a field that cyclopts turns into an option."""
    info = SearchRequest.model_fields[name]
    plain: Any = info.annotation
    if plain in (int, int | None):
        plain = Annotated[plain, WHOLE]
    notation, addition = NOTATION.get(name, (plain, ""))
    words = " ".join(f"{info.description}{addition}".split())
    described: Any = Annotated[notation, Parameter(help=words)]
    return name, described, field(default=() if name == "filter" else info.default)


Options = make_dataclass("Options", map(_option, SearchRequest.model_fields), frozen=True)
Options.__module__ = __name__  # cyclopts takes classes of the module `types` for plain values
DEFAULTS = Options()


def search(
    index: str,
    query: str | None = None,
    /,
    *,
    options: Annotated[Options, Parameter(name="*")] = DEFAULTS,  # type: ignore[valid-type]
    batch: Path | None = None,
    json: Flag = False,
    sheet: Path | None = None,
    model: Path | None = None,
) -> None:
    """Find images of the same category, with chosen attributes, or both.

    Args:
        index: An index file; a table or collection that `dualhash index push` created, such as
            postgresql://host/shop/products or milvus://host:19530/products; or the URL that
            `dualhash serve` prints.
        query: An image file, or an item of the index as id:17, which is left out of the results.
            Leave it out to search by --want and --without alone.
        options: The options of a search.
        batch: A file with one query per line, each an image (relative to the file) or id:17. With
            --json, prints one line per query.
        json: Print the results as JSON.
        sheet: A .png or .jpg file to draw the results into.
        model: The model folder, if it was moved since the index was created.
    """
    given = {name: value for name, value in asdict(options).items() if value is not None}
    chosen: SearchOptions = given  # type: ignore[assignment]
    chosen["filter"] = _filters(given["filter"])
    request = make_request(chosen)
    if batch is not None and (query is not None or sheet is not None):
        raise DualhashError("--batch cannot be combined with a query or with --sheet.")
    if sheet is not None:
        sheet_format(sheet)
    with Index.open(index, model) as opened:
        if batch is not None:
            lines = read_queries(batch)
            answers = opened.search_batch(lines.values(), **chosen)
            print_answers(batch, lines, answers, json=json)
            return
        results = opened.search(query, **chosen)
        chosen["task"] = results.task
        missing = _shortage(opened, results, chosen) if results.matched < request.last else None
    _show(results, missing, json=json, sheet=sheet)


def _shortage(index: RemoteIndex, results: Results, options: SearchOptions) -> Shortage | None:
    """Searches by the code of an image, so that it is not encoded again."""
    query = results.query
    repeated = None if query is None else query.code if query.id is None else query.id
    return shortage(index, repeated, options, results.matched)


def _show(results: Results, missing: Shortage | None, *, json: bool, sheet: Path | None) -> None:
    if sheet is not None:
        draw_sheet(results, sheet)
    if json:
        output.print_json(
            results.as_dict() | {"shortage": None if missing is None else asdict(missing)}
        )
        return
    _show_table(results)
    if missing is not None:
        output.say(_sentence(missing, results.matched))
    if sheet is not None:
        output.say(f"Written to {sheet}.")


def _sentence(missing: Shortage, matched: int) -> str:
    condition = CONDITIONS[missing.field].format(missing.value)
    if missing.matched_without > matched:
        matching = output.counted(missing.matched_without, "image")
        return f"Without {condition}, {matching} would match."
    return f"Several conditions exclude the same images; the fewest images match {condition}."


def _show_table(results: Results) -> None:
    named = any(hit.name for hit in results)
    headers = [
        ">rank",
        ">id",
        ">distance",
        "category",
        *results.reading_names,
        *["name"] * named,
        "image",
    ]
    rows: list[output.Row] = [
        (
            str(hit.rank),
            str(hit.id),
            "" if hit.distance is None else str(hit.distance),
            hit.labels.category or "",
            *map(_bar, results.readings(hit).values()),
            *[hit.name or ""] * named,
            output.PathCell("/".join(Path(hit.image).parts[-2:])),
        )
        for hit in results.hits
    ]
    output.show(output.table(f"{results.words}: {results.found}", headers, rows))


def _bar(probability: float) -> Text:
    filled = round(probability * BAR_WIDTH)
    return Text.assemble(
        ("━" * filled, "blue"),
        ("─" * (BAR_WIDTH - filled), "bright_black"),
        f" {probability:4.0%}",
    )
