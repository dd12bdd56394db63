"""Contact sheets of search results, after figures 13 and 15 of the paper."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageOps

from dualhash.analysis.marks import (
    FRAME,
    GREY,
    MAT,
    PALE,
    PAPER,
    Box,
    Verdict,
    draw_bar,
    draw_frame,
    draw_text,
)
from dualhash.catalogue.images import ImageError, decode
from dualhash.errors import DualhashError
from dualhash.files import cannot_write, write_whole
from dualhash.search import Hit, Results

MARGIN, GAP = 72, 40
"""Pixels around the sheet, and between results."""

CELL, PANEL = 280, 380
"""Widths in pixels of a result and of the query."""

TITLE, LARGE, SMALL = 46, 26, 21
"""Sizes of text in pixels."""

LINE, BAR_LINE = 34, 52
"""Heights in pixels of a line of text, and of a bar with its words."""

HEADING, LEGEND, SPACE = 210, 176, 14
"""Heights in pixels of what stands above and below the results, and a small distance."""

FLATTEST, TALLEST = 0.6, 1.4
"""Limits of height over width of the boxes that pictures are shown in."""

FEWEST_COLUMNS = 5

KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""Endings of names of sheets, and what is written into them."""

MOST = 500
"""Results on one sheet; more would not fit into memory."""


def sheet_kind(path: Path) -> str:
    """What is to be written into a file, by its name.

    Raises:
        DualhashError: It is none of `KINDS`, or its folder does not exist.
    """
    if not path.parent.is_dir():
        raise DualhashError(f"{path} cannot be written: there is no folder {path.parent}.")
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise DualhashError(f"{path} cannot be drawn: name a .png or .jpg file.")
    return kind


def draw_sheet(results: Results, path: str | Path) -> None:
    """Draws `render(results)` into a file, which appears when it is complete.

    Args:
        results: Of a search.
        path: A file of one of `KINDS`.

    Raises:
        DualhashError: The file cannot be written, or there are more than `MOST` results.
    """
    path = Path(path)
    kind = sheet_kind(path)
    if len(results.hits) > MOST:
        raise DualhashError(
            f"A sheet holds at most {MOST} results, not {len(results.hits):,}: ask for fewer."
        )
    drawn = BytesIO()
    try:
        render(results).save(drawn, kind)
        write_whole(path, drawn.getvalue())
    except OSError as error:
        raise DualhashError(cannot_write(path, error)) from error


def verdict(results: Results, hit: Hit) -> Verdict:
    """Whether a result is what was asked for, by its labels.

    In attribute search, and where there is no query, that is whether all chosen attributes are as
    wanted; otherwise whether its category is the query's, or the one that is predicted for a query
    without label. `UNKNOWN` where the labels do not tell.
    """
    if results.task == "attribute" or results.query is None:
        known = [
            hit.labels.attributes[name] == wanted
            for name, wanted in results.conditions.items()
            if name in hit.labels.attributes
        ]
        if not all(known):
            return Verdict.WRONG
        return Verdict.RIGHT if len(known) == len(results.conditions) else Verdict.UNKNOWN
    wanted = results.query.labels.category or results.query.prediction.category
    if wanted is None or hit.labels.category is None:
        return Verdict.UNKNOWN
    return Verdict.RIGHT if hit.labels.category == wanted else Verdict.WRONG


def render(results: Results) -> Image.Image:
    """The sheet: the query and what was asked of it on the left, the results in rows on the right.

    Frames say what a result's labels say of it (see `verdict`), bars how probable each chosen
    attribute is to be as wanted. Small images are enlarged.
    """
    pictures = [_picture(hit.image) for hit in results.hits]
    asked = (results.query and results.query.image and _picture(results.query.image)) or None
    layout = _layout(results, asked, pictures)
    sheet = Image.new("RGB", (layout.width, layout.height), PAPER)
    _draw_heading(sheet, results, layout)
    _draw_query(sheet, results, asked)
    for place, (hit, picture) in enumerate(zip(results.hits, pictures, strict=True)):
        _draw_hit(sheet, results, hit, picture, layout.cell(place))
    _draw_legend(sheet, results, layout)
    return sheet


@dataclass(frozen=True)
class _Layout:
    columns: int
    rows: int
    picture_height: int
    cell_height: int
    panel_height: int

    @property
    def width(self) -> int:
        return MARGIN + PANEL + MARGIN + self.columns * (CELL + GAP) - GAP + MARGIN

    @property
    def body_height(self) -> int:
        return max(self.panel_height, self.rows * (self.cell_height + GAP) - GAP)

    @property
    def height(self) -> int:
        return HEADING + self.body_height + LEGEND

    def cell(self, place: int) -> Box:
        """The picture of a result."""
        row, column = divmod(place, self.columns)
        left = MARGIN + PANEL + MARGIN + column * (CELL + GAP)
        top = HEADING + row * (self.cell_height + GAP)
        return left, top, left + CELL, top + self.picture_height


def _layout(
    results: Results, asked: Image.Image | None, pictures: Sequence[Image.Image | None]
) -> _Layout:
    count, chosen = len(pictures), len(results.conditions)
    columns = max(FEWEST_COLUMNS, round(math.sqrt(1.2 * count)))
    picture_height = round(CELL * _shape(pictures))
    return _Layout(
        columns=columns,
        rows=math.ceil(count / columns),
        picture_height=picture_height,
        cell_height=picture_height + 3 * SPACE + 2 * LINE + chosen * BAR_LINE,
        panel_height=round(PANEL * _shape([asked])) + 3 * SPACE + 2 * LINE + chosen * BAR_LINE,
    )


def _shape(pictures: Sequence[Image.Image | None]) -> float:
    """Height over width of the boxes that the pictures are shown in."""
    shapes = [picture.height / picture.width for picture in pictures if picture]
    return min(max(median(shapes or [1.0]), FLATTEST), TALLEST)


def _draw_heading(sheet: Image.Image, results: Results, layout: _Layout) -> None:
    pen = ImageDraw.Draw(sheet)
    room = layout.width - 2 * MARGIN
    draw_text(pen, (MARGIN, MARGIN), results.words, TITLE, width=room)
    said = f"{results.task} search  ·  {results.found}  ·  codes of {results.bits} bits"
    draw_text(pen, (MARGIN, MARGIN + TITLE + 18), said, LARGE, GREY, width=room)
    line = MARGIN + PANEL + MARGIN // 2
    pen.line((line, HEADING, line, HEADING + layout.body_height), PALE, width=2)


def _draw_query(sheet: Image.Image, results: Results, picture: Image.Image | None) -> None:
    pen = ImageDraw.Draw(sheet)
    top, query = HEADING, results.query
    if query is None:
        draw_text(pen, (MARGIN, top), "no query image", LARGE, GREY)
        return
    height = round(PANEL * _shape([picture]))
    _paste(sheet, picture, (MARGIN, top, MARGIN + PANEL, top + height))
    top += height + SPACE
    name = "query" if query.id is None else f"query, id {query.id}"
    draw_text(pen, (MARGIN, top), name, LARGE, GREY)
    category, prediction = query.labels.category, query.prediction
    if category is None and prediction.category is not None:
        category = f"{prediction.category}, predicted at {_percent(prediction.probability)}"
    _draw_category(pen, (MARGIN, top + LINE), category, LARGE, PANEL)
    top += 2 * LINE + SPACE
    _draw_confidences(pen, (MARGIN, top), PANEL, results.confidences(prediction.attributes))


def _draw_hit(
    sheet: Image.Image, results: Results, hit: Hit, picture: Image.Image | None, box: Box
) -> None:
    pen = ImageDraw.Draw(sheet)
    left, _, right, top = box
    _paste(sheet, picture, box)
    draw_frame(sheet, box, verdict(results, hit))
    top += SPACE
    draw_text(pen, (left, top), str(hit.rank), LARGE)
    if hit.distance is not None:
        figure = f"{hit.distance} / {results.bits} bits"
        draw_text(pen, (right, top + LARGE - SMALL), figure, SMALL, GREY, right=True)
    _draw_category(pen, (left, top + LINE), hit.labels.category, SMALL, CELL)
    top += 2 * LINE + SPACE // 2
    _draw_confidences(pen, (left, top), CELL, results.confidences(hit.probabilities))


def _draw_category(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], category: str | None, size: int, width: int
) -> None:
    if category is None:
        draw_text(pen, place, "no category label", size, GREY, width=width)
    else:
        draw_text(pen, place, category, size, width=width)


def _draw_confidences(
    pen: ImageDraw.ImageDraw, place: tuple[int, int], width: int, confidences: dict[str, float]
) -> None:
    """How probable each wanted value is, in words and as a bar."""
    left, top = place
    for words, confidence in confidences.items():
        percent = _percent(confidence)
        taken = draw_text(pen, (left + width, top), percent, SMALL, GREY, right=True)
        draw_text(pen, (left, top), words, SMALL, width=width - taken - SPACE)
        draw_bar(pen, (left, top + 28, left + width, top + 38), confidence)
        top += BAR_LINE


def _draw_legend(sheet: Image.Image, results: Results, layout: _Layout) -> None:
    pen = ImageDraw.Draw(sheet)
    left, top = MARGIN, layout.height - MARGIN - LINE
    there = {verdict(results, hit) for hit in results.hits}
    for each, words in _meanings(results).items():
        if each in there:
            draw_frame(sheet, (left, top - 6, left + 64, top + 38), each)
            left += 64 + 2 * SPACE
            left += draw_text(pen, (left, top + 4), words, SMALL, GREY) + MARGIN
    if results.conditions and results.hits:
        draw_bar(pen, (left, top + 10, left + 64, top + 20), 0.7)
        words = "probability of the wanted value, read from the code"
        draw_text(pen, (left + 64 + SPACE, top + 4), words, SMALL, GREY)


def _meanings(results: Results) -> dict[Verdict, str]:
    """What the frames of this sheet say."""
    query = results.query
    if results.task == "attribute" or query is None:
        return {
            Verdict.RIGHT: "labelled as wanted",
            Verdict.WRONG: "labelled otherwise",
            Verdict.UNKNOWN: "not labelled",
        }
    source = "the query's" if query.labels.category else "the predicted"
    return {
        Verdict.RIGHT: f"of {source} category",
        Verdict.WRONG: "of another category",
        Verdict.UNKNOWN: "category not known",
    }


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _picture(image: str | None) -> Image.Image | None:
    """An image, at most twice as large as it is shown, so that many fit into memory."""
    if image is None:
        return None
    try:
        picture = decode(image)
    except ImageError:
        return None
    picture.thumbnail((2 * PANEL, round(2 * PANEL * TALLEST)))
    return picture


def _paste(sheet: Image.Image, picture: Image.Image | None, box: Box) -> None:
    """The picture as large as fits into a frame, centred on a pale ground."""
    left, top, right, bottom = box
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((left, top, right - 1, bottom - 1), MAT)
    if picture is None:
        draw_text(pen, (left + 2 * SPACE, (top + bottom) // 2), "no image file", SMALL, GREY)
        return
    room = (right - left - 2 * FRAME, bottom - top - 2 * FRAME)
    fitted = ImageOps.contain(picture, room, Image.Resampling.LANCZOS)
    sheet.paste(fitted, ((left + right - fitted.width) // 2, (top + bottom - fitted.height) // 2))
