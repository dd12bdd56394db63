"""The marks of contact sheets: frames with a verdict, bars, and lines of text that fit."""

import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cache

from PIL import Image, ImageDraw, ImageFont

INK, GREY, PALE = "#1d2733", "#6b7785", "#e6eaef"
BLUE, GREEN, RED = "#2f6fb7", "#16875d", "#c8372d"
PAPER, MAT = "#ffffff", "#f6f7f9"

FRAME, RADIUS = 6, 17
"""Width of a frame and radius of its badge, in pixels."""

SMOOTH = 4
"""Slanted and round marks are drawn so much larger and scaled down."""

WIDE_FONTS = ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "NotoSansCJK-Regular.ttc", "arial.ttf")
"""Fonts for letters that Pillow's own lacks, by the names they have where they are installed."""

NO_LETTER = "\ufffe"

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two just outside."""


class Verdict(Enum):
    """Whether a result is what was asked for, by its labels."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class _Style:
    """Colour is never the only sign of a verdict: line and badge differ too.

    Attributes:
        colour: Of frame and badge.
        dashes: Lengths of a dash and of a gap in pixels; None for a solid line.
        strokes: What is drawn on the badge, as points in its unit square; without any there is
            no badge.
    """

    colour: str
    dashes: tuple[int, int] | None = None
    strokes: tuple[tuple[tuple[float, float], ...], ...] = ()


_TICK = (((0.29, 0.52), (0.44, 0.67), (0.72, 0.35)),)
_CROSS = (((0.34, 0.34), (0.66, 0.66)), ((0.34, 0.66), (0.66, 0.34)))
_STYLES = {
    Verdict.RIGHT: _Style(GREEN, strokes=_TICK),
    Verdict.WRONG: _Style(RED, (22, 12), _CROSS),
    Verdict.UNKNOWN: _Style(GREY, (FRAME, 10)),
}


def draw_frame(sheet: Image.Image, box: Box, verdict: Verdict) -> None:
    """A frame just inside `box`, solid, dashed or dotted, and a badge on its upper right corner."""
    pen, style = ImageDraw.Draw(sheet), _STYLES[verdict]
    left, top, right, bottom = box
    if style.dashes is None:
        pen.rectangle((left, top, right - 1, bottom - 1), outline=style.colour, width=FRAME)
    else:
        for start, end in _dashes(right - left, *style.dashes):
            for y in (top, bottom - FRAME):
                pen.rectangle((left + start, y, left + end - 1, y + FRAME - 1), style.colour)
        for start, end in _dashes(bottom - top, *style.dashes):
            for x in (left, right - FRAME):
                pen.rectangle((x, top + start, x + FRAME - 1, top + end - 1), style.colour)
    if style.strokes:
        badge = _badge(style)
        sheet.paste(badge, (right - RADIUS - FRAME // 2, top - RADIUS + FRAME // 2), badge)


def draw_bar(pen: ImageDraw.ImageDraw, box: Box, share: float) -> None:
    """A blue bar of length `share`, in [0, 1], on a pale ground of the full length."""
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
    place: tuple[int, int],
    text: str,
    size: int,
    colour: str = INK,
    *,
    width: int | None = None,
    right: bool = False,
) -> int:
    """One line of text; returns its width in pixels.

    Args:
        pen: Draws on the sheet.
        place: Left end of the line's top, or right end where `right` is set.
        text: In the first font that has all its letters. Where none has, letters lose their
            accents, and those that are still not there become question marks.
        size: In pixels.
        colour: Of the letters.
        width: What does not fit is cut off and ends in an ellipsis.
        right: Whether the line ends at `place`.
    """
    shown, font = _typeset(" ".join(text.split()), size)
    if width is not None and font.getlength(shown) > width:
        while shown and font.getlength(shown + "…") > width:
            shown = shown[:-1]
        shown = shown.rstrip() + "…"
    pen.text(place, shown, colour, font, anchor="ra" if right else "la")
    return round(font.getlength(shown))


def _typeset(text: str, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    fonts = _fonts(size)
    for font in fonts:
        if all(_has(font, letter) for letter in text):
            return text, font
    return "".join(letter if _has(fonts[0], letter) else "?" for letter in _plain(text)), fonts[0]


@cache
def _fonts(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    """Pillow's own font, which has hardly more than ASCII, and those of `WIDE_FONTS` there are."""
    own = ImageFont.load_default(size)
    assert isinstance(own, ImageFont.FreeTypeFont)
    wide = []
    for name in WIDE_FONTS:
        with suppress(OSError):
            wide.append(ImageFont.truetype(name, size))
    return own, *wide


@cache
def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether the font has the letter: it is drawn otherwise than one that no font has."""
    return bytes(font.getmask(letter)) != bytes(font.getmask(NO_LETTER))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _dashes(length: int, dash: int, gap: int) -> list[tuple[int, int]]:
    """(start, end) of dashes that begin and end a side, with gaps stretched to fit."""
    count = max(2, round((length + gap) / (dash + gap)))
    step = (length - dash) / (count - 1)
    return [(round(i * step), round(i * step) + dash) for i in range(count)]


@cache
def _badge(style: _Style) -> Image.Image:
    """A disc with the style's strokes on it."""
    size = 2 * RADIUS * SMOOTH
    badge = Image.new("RGBA", (size, size), style.colour + "00")
    pen = ImageDraw.Draw(badge)
    pen.ellipse((0, 0, size - 1, size - 1), PAPER)
    rim = size // 16
    pen.ellipse((rim, rim, size - 1 - rim, size - 1 - rim), style.colour)
    for stroke in style.strokes:
        points = [(x * size, y * size) for x, y in stroke]
        pen.line(points, PAPER, width=size // 11, joint="curve")
    return badge.resize((2 * RADIUS, 2 * RADIUS), Image.Resampling.LANCZOS)
