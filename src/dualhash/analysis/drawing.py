"""Drawing for contact sheets: frames that show a verdict, bars, and lines of text that fit."""

import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from dualhash.search.result_verdict import Verdict

INK, GREY, PALE = "#1d2733", "#6b7785", "#e6eaef"
BLUE, GREEN, AMBER, RED = "#2f6fb7", "#16875d", "#a86400", "#c8372d"
PAPER, MAT = "#ffffff", "#f6f7f9"

FRAME, RADIUS = 6, 17
"""Width of a frame and radius of its badge, in pixels."""

SUPERSAMPLING = 4
"""Badges are drawn this many times larger and scaled down."""

WIDE_FONTS = ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "arial.ttf")
"""File names of fonts for letters that Pillow's own font does not have."""

NO_LETTER = "\ufffe"

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are exclusive."""


@dataclass(frozen=True)
class _Style:
    """How a verdict looks. Line and badge differ as well as colour.

    Attributes:
        colour: Colour of frame and badge.
        strokes: Sign on the badge: lines of points in the unit square.
        dashes: Lengths of a dash and of a gap in pixels; None for an unbroken line.
        double: Whether the frame is a double line.
    """

    colour: str
    strokes: tuple[tuple[tuple[float, float], ...], ...]
    dashes: tuple[int, int] | None = None
    double: bool = False


_TICK = (((0.29, 0.52), (0.44, 0.67), (0.72, 0.35)),)
_CROSS = (((0.34, 0.34), (0.66, 0.66)), ((0.34, 0.66), (0.66, 0.34)))
_ONE_HALF = (
    ((0.22, 0.36), (0.32, 0.27), (0.32, 0.52)),
    ((0.31, 0.77), (0.67, 0.23)),
    ((0.56, 0.57), (0.63, 0.51), (0.72, 0.56), (0.57, 0.75), (0.75, 0.75)),
)
_QUESTION_MARK = (
    ((0.36, 0.38), (0.41, 0.29), (0.5, 0.26), (0.6, 0.29), (0.64, 0.38), (0.6, 0.46), (0.5, 0.53)),
    ((0.5, 0.52), (0.5, 0.61)),
    ((0.5, 0.7), (0.5, 0.78)),
)
_STYLES: dict[Verdict, _Style] = {
    "right": _Style(GREEN, _TICK),
    "half": _Style(AMBER, _ONE_HALF, double=True),
    "wrong": _Style(RED, _CROSS, (22, 12)),
    "unknown": _Style(GREY, _QUESTION_MARK, (FRAME, 10)),
}


def draw_frame(sheet: Image.Image, box: Box, verdict: Verdict) -> None:
    """Draws a frame just inside `box`, with a badge on its upper right corner."""
    pen, style = ImageDraw.Draw(sheet), _STYLES[verdict]
    left, top, right, bottom = box
    if style.dashes is None:
        pen.rectangle((left, top, right - 1, bottom - 1), outline=style.colour, width=FRAME)
        if style.double:
            third = FRAME // 3
            inner = (left + third, top + third, right - 1 - third, bottom - 1 - third)
            pen.rectangle(inner, outline=PAPER, width=third)
    else:
        for start, end in _dashes(right - left, *style.dashes):
            for y in (top, bottom - FRAME):
                pen.rectangle((left + start, y, left + end - 1, y + FRAME - 1), style.colour)
        for start, end in _dashes(bottom - top, *style.dashes):
            for x in (left, right - FRAME):
                pen.rectangle((x, top + start, x + FRAME - 1, top + end - 1), style.colour)
    badge = _badge(style)
    sheet.paste(badge, (right - RADIUS - FRAME // 2, top - RADIUS + FRAME // 2), badge)


def draw_bar(pen: ImageDraw.ImageDraw, box: Box, share: float) -> None:
    """Draws a blue bar whose length is `share`, in [0, 1], of a pale bar behind it."""
    left, top, right, bottom = box
    radius = (bottom - top) // 2
    pen.rounded_rectangle((left, top, right - 1, bottom - 1), radius, PALE)
    filled = round((right - left) * share)
    if filled > 2 * radius:
        pen.rounded_rectangle((left, top, left + filled - 1, bottom - 1), radius, BLUE)
    elif filled:
        pen.ellipse((left, top, left + 2 * radius, bottom - 1), BLUE)


def draw_text(
    pen: ImageDraw.ImageDraw,
    position: tuple[int, int],
    text: str,
    size: int,
    colour: str = INK,
    *,
    width: int | None = None,
    right: bool = False,
) -> int:
    """Draws one line of text and returns its width in pixels.

    Args:
        pen: Draws on the sheet.
        position: Left end of the line's top, or its right end if `right`.
        text: Text in the first font that has all its letters. If none has, accents are dropped and
            letters that are still missing become question marks.
        size: Height in pixels.
        colour: Colour of the letters.
        width: Largest width in pixels; text that does not fit is cut off and ends in an ellipsis.
        right: Whether `position` is the right end.
    """
    line, font = _typeset(" ".join(text.split()), size)
    if width is not None and font.getlength(line) > width:
        while line and font.getlength(line + "…") > width:
            line = line[:-1]
        line = line.rstrip() + "…"
    pen.text(position, line, colour, font, anchor="ra" if right else "la")
    return round(font.getlength(line))


def _typeset(text: str, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """Returns the text with the letters that can be drawn, and the font to draw it with."""
    fonts = _fonts(size)
    for font in fonts:
        if all(_has_letter(font, letter) for letter in text):
            return text, font
    plain = unicodedata.normalize("NFKD", text)
    letters = [letter for letter in plain if not unicodedata.combining(letter)]
    return "".join(c if _has_letter(fonts[0], c) else "?" for c in letters), fonts[0]


@cache
def _fonts(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    """Returns Pillow's own font, which has little more than ASCII, and the installed WIDE_FONTS."""
    own = ImageFont.load_default(size)
    assert isinstance(own, ImageFont.FreeTypeFont)
    wide = []
    for name in WIDE_FONTS:
        with suppress(OSError):
            wide.append(ImageFont.truetype(name, size))
    return own, *wide


@cache
def _has_letter(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Returns whether the font has the letter: it looks different from one that no font has."""
    return bytes(font.getmask(letter)) != bytes(font.getmask(NO_LETTER))


def _dashes(length: int, dash: int, gap: int) -> list[tuple[int, int]]:
    """Returns (start, end) of the dashes of a side; gaps are stretched so that both ends have one.

    Args:
        length: Length of the side in pixels.
        dash: Length of a dash.
        gap: Shortest gap.
    """
    count = max(2, round((length + gap) / (dash + gap)))
    step = (length - dash) / (count - 1)
    return [(round(i * step), round(i * step) + dash) for i in range(count)]


@cache
def _badge(style: _Style) -> Image.Image:
    """Returns a disc with the style's sign on it."""
    size = 2 * RADIUS * SUPERSAMPLING
    badge = Image.new("RGBA", (size, size), style.colour + "00")
    pen = ImageDraw.Draw(badge)
    pen.ellipse((0, 0, size - 1, size - 1), PAPER)
    rim = size // 16
    pen.ellipse((rim, rim, size - 1 - rim, size - 1 - rim), style.colour)
    for stroke in style.strokes:
        points = [(x * size, y * size) for x, y in stroke]
        pen.line(points, PAPER, width=size // 12, joint="curve")
    return badge.resize((2 * RADIUS, 2 * RADIUS), Image.Resampling.LANCZOS)
