"""Contact sheets: search results drawn into one image, after figures 13 and 15 of the paper."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageOps

from dualhash.analysis.drawing import (
    FRAME,
    GREY,
    INK,
    MAT,
    PALE,
    PAPER,
    Box,
    draw_bar,
    draw_frame,
    draw_text,
)
from dualhash.catalogue.images import ImageError, ImageLike, decode
from dualhash.errors import DualhashError
from dualhash.files import write_whole
from dualhash.search import Hit, Results
from dualhash.search.result_verdict import explain_verdicts, verdict

MARGIN, GAP = 72, 40
"""Pixels around the sheet, and between results."""

CELL, PANEL = 280, 380
"""Widths in pixels of a result and of the query."""

TITLE, LARGE, SMALL = 46, 26, 21
"""Text sizes in pixels."""

LINE, BAR_LINE = 34, 52
"""Heights in pixels of a line of text, and of a bar with its text."""

HEADING, LEGEND, SPACE = 210, 176, 14
"""Heights in pixels above and below the results, and a small distance."""

FLATTEST, TALLEST = 0.6, 1.4
"""Limits of height / width of the boxes that show images."""

MIN_COLUMNS = 5

NO_CATEGORY = "no category label"

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""Image formats by file suffix."""

MAX_RESULTS = 500
"""Results on one sheet; more would need too much memory."""


def sheet_format(path: Path) -> str:
    """Returns the image format for a file name.

    Raises:
        DualhashError: The suffix is not one of `FORMATS`, or the folder does not exist.
    """
    if not path.parent.is_dir():
        raise DualhashError(f"{path} cannot be written: there is no folder {path.parent}.")
    image_format = FORMATS.get(path.suffix.lower())
    if image_format is None:
        raise DualhashError(f"{path} cannot be drawn: name a .png or .jpg file.")
    return image_format


def draw_sheet(results: Results, path: str | Path) -> None:
    """Writes `render(results)` to a file, which appears when it is complete.

    Raises:
        DualhashError: The file cannot be written, its suffix is not one of `FORMATS`, or there are
            more than `MAX_RESULTS` results.
    """
    path = Path(path)
    image_format = sheet_format(path)
    if len(results.hits) > MAX_RESULTS:
        raise DualhashError(
            f"A sheet holds at most {MAX_RESULTS} results, not {len(results.hits):,}: lower k."
        )
    buffer = BytesIO()
    render(results).save(buffer, image_format)
    write_whole(path, buffer.getvalue())


def render(results: Results) -> Image.Image:
    """Returns the sheet: the query on the left, the results in rows on the right.

    Frames show the verdict of each result (see `verdict`), with a legend below. Bars show how
    probable each wanted value is. Small images are enlarged.
    """
    images = [_read_image(hit.image) for hit in results.hits]
    query_image = _read_image(results.query.image) if results.query else None
    layout = _make_layout(results, query_image, images)
    sheet = Image.new("RGB", (layout.width, layout.height), PAPER)
    _draw_heading(sheet, results, layout)
    _draw_query(sheet, results, query_image)
    for position, (hit, image) in enumerate(zip(results.hits, images, strict=True)):
        _draw_hit(sheet, results, hit, image, layout.cell(position))
    _draw_legend(sheet, results, layout)
    return sheet


@dataclass(frozen=True)
class _Layout:
    columns: int
    rows: int
    image_height: int
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

    def cell(self, position: int) -> Box:
        """Returns the box for the image of a result."""
        row, column = divmod(position, self.columns)
        left = MARGIN + PANEL + MARGIN + column * (CELL + GAP)
        top = HEADING + row * (self.cell_height + GAP)
        return left, top, left + CELL, top + self.image_height


def _make_layout(
    results: Results, query_image: Image.Image | None, images: Sequence[Image.Image | None]
) -> _Layout:
    columns = max(MIN_COLUMNS, round(math.sqrt(1.2 * len(images))))
    image_height = round(CELL * _aspect(images))
    text_height = 3 * SPACE + 2 * LINE + len(results.reading_names) * BAR_LINE
    return _Layout(
        columns=columns,
        rows=math.ceil(len(images) / columns),
        image_height=image_height,
        cell_height=image_height + text_height,
        panel_height=round(PANEL * _aspect([query_image])) + text_height,
    )


def _aspect(images: Sequence[Image.Image | None]) -> float:
    """Returns height / width of the boxes that show these images."""
    aspects = [image.height / image.width for image in images if image]
    return min(max(median(aspects or [1.0]), FLATTEST), TALLEST)


def _draw_heading(sheet: Image.Image, results: Results, layout: _Layout) -> None:
    pen = ImageDraw.Draw(sheet)
    width = layout.width - 2 * MARGIN
    draw_text(pen, (MARGIN, MARGIN), results.words, TITLE, width=width)
    subtitle = f"{results.task} search  ·  {results.found}"
    draw_text(pen, (MARGIN, MARGIN + TITLE + 18), subtitle, LARGE, GREY, width=width)
    line = MARGIN + PANEL + MARGIN // 2
    pen.line((line, HEADING, line, HEADING + layout.body_height), PALE, width=2)


def _draw_query(sheet: Image.Image, results: Results, image: Image.Image | None) -> None:
    pen = ImageDraw.Draw(sheet)
    top, query = HEADING, results.query
    if query is None:
        draw_text(pen, (MARGIN, top), "no query image", LARGE, GREY)
        return
    height = round(PANEL * _aspect([image]))
    _paste(sheet, image, (MARGIN, top, MARGIN + PANEL, top + height))
    top += height + SPACE
    title = "query" if query.id is None else f"query, id {query.id}"
    draw_text(pen, (MARGIN, top), title, LARGE, GREY)
    category, prediction = query.labels.category, query.prediction
    if category is None and prediction.category is not None:
        category = f"{prediction.category}, predicted at {_percent(prediction.probability)}"
    colour = GREY if category is None else INK
    draw_text(pen, (MARGIN, top + LINE), category or NO_CATEGORY, LARGE, colour, width=PANEL)
    top += 2 * LINE + SPACE
    _draw_confidences(pen, (MARGIN, top), PANEL, results.confidences(prediction.attributes))


def _draw_hit(
    sheet: Image.Image, results: Results, hit: Hit, image: Image.Image | None, box: Box
) -> None:
    pen = ImageDraw.Draw(sheet)
    left, _, right, top = box
    _paste(sheet, image, box)
    draw_frame(sheet, box, verdict(results, hit))
    top += SPACE
    draw_text(pen, (left, top), str(hit.rank), LARGE)
    if hit.distance is not None:
        distance = f"{hit.distance} / {results.bits} bits"
        draw_text(pen, (right, top + LARGE - SMALL), distance, SMALL, GREY, right=True)
    category = hit.labels.category
    colour = GREY if category is None else INK
    draw_text(pen, (left, top + LINE), category or NO_CATEGORY, SMALL, colour, width=CELL)
    top += 2 * LINE + SPACE // 2
    _draw_confidences(pen, (left, top), CELL, results.readings(hit))


def _draw_confidences(
    pen: ImageDraw.ImageDraw, position: tuple[int, int], width: int, confidences: dict[str, float]
) -> None:
    """Draws how probable each wanted value is, as text and as a bar."""
    left, top = position
    for name, confidence in confidences.items():
        percent = _percent(confidence)
        percent_width = draw_text(pen, (left + width, top), percent, SMALL, GREY, right=True)
        draw_text(pen, (left, top), name, SMALL, width=width - percent_width - SPACE)
        draw_bar(pen, (left, top + 28, left + width, top + 38), confidence)
        top += BAR_LINE


def _draw_legend(sheet: Image.Image, results: Results, layout: _Layout) -> None:
    """Draws what the frames on this sheet mean, and the bars."""
    pen = ImageDraw.Draw(sheet)
    left, top = MARGIN, layout.height - MARGIN - LINE
    verdicts = {verdict(results, hit) for hit in results.hits}
    for each, meaning in explain_verdicts(results).items():
        if each in verdicts:
            draw_frame(sheet, (left, top - 6, left + 64, top + 38), each)
            left += 64 + 2 * SPACE
            left += draw_text(pen, (left, top + 4), meaning, SMALL, GREY) + MARGIN
    if results.reading_names and results.hits:
        draw_bar(pen, (left, top + 10, left + 64, top + 20), 0.7)
        meaning = "predicted probability"
        draw_text(pen, (left + 64 + SPACE, top + 4), meaning, SMALL, GREY)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _read_image(given: ImageLike | None) -> Image.Image | None:
    """Returns an image at up to twice its size on the sheet; None if it cannot be read."""
    if given is None:
        return None
    try:
        image = decode(given)
    except ImageError:
        return None
    image.thumbnail((2 * PANEL, round(2 * PANEL * TALLEST)))
    return image


def _paste(sheet: Image.Image, image: Image.Image | None, box: Box) -> None:
    """Pastes an image as large as fits into the frame, centred on a pale ground."""
    left, top, right, bottom = box
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((left, top, right - 1, bottom - 1), MAT)
    if image is None:
        draw_text(pen, (left + 2 * SPACE, (top + bottom) // 2), "no image file", SMALL, GREY)
        return
    size = (right - left - 2 * FRAME, bottom - top - 2 * FRAME)
    fitted = ImageOps.contain(image, size, Image.Resampling.LANCZOS)
    sheet.paste(fitted, ((left + right - fitted.width) // 2, (top + bottom - fitted.height) // 2))
