"""What commands print: sentences, tables, JSON, progress. Control characters are escaped here."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from dualhash.files import write_whole
from dualhash.progress import UNSAFE, Display, Step, console, escape

MIN_PATH_WIDTH = 16
"""The least number of columns for a path in a table."""

LONG_LIST = 15
"""How many lines of a list are printed."""

Row = Sequence[RenderableType | int]
"""The cells of a row in a table."""


def counted(count: int, noun: str) -> str:
    """Such as "1 image", "2,000 images" and "3 categories"."""
    return f"{count:,} {noun if count == 1 else re.sub('y$', 'ie', noun) + 's'}"


def say(text: str, *, stderr: bool = False, style: str | None = None) -> None:
    """Prints a line as it is: no markup, no line breaks, control characters escaped."""
    console(stderr=stderr).print(escape(text), markup=False, soft_wrap=True, style=style)


def note(text: str) -> None:
    """A message on stderr, so that results can be piped."""
    say(text, stderr=True, style="dim")


def complain(text: str) -> None:
    """An error message on stderr, in red."""
    say(text, stderr=True, style="red")


def list_left_out(reasons: Sequence[str]) -> None:
    """Lists on stderr what could not be used and why."""
    _list("Left out", reasons)


def list_remarks(remarks: Sequence[str]) -> None:
    """Lists other problems on stderr."""
    _list("Remarks", remarks)


def _list(title: str, lines: Sequence[str]) -> None:
    if not lines:
        return
    note(f"{title}: {len(lines):,}")
    for line in lines[:LONG_LIST]:
        note(f"  {line}")
    if len(lines) > LONG_LIST:
        note(f"  and {len(lines) - LONG_LIST:,} more")


def show(renderable: RenderableType) -> None:
    """Prints a table of `table` as part of the result."""
    console().print(renderable)


def table(title: str, headers: Sequence[str], rows: Iterable[Row], caption: str = "") -> Table:
    """A table to `show`. A header that begins with > is for a column of numbers.

    Text is printed as it is: no markup, control characters escaped. Numbers are written as 12,345.
    """
    filled = Table(
        title=Text(escape(title), style="bold"),
        caption=caption or None,
        box=SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    for header in headers:
        name = header.removeprefix(">")
        filled.add_column(Text(escape(name)), justify="left" if name == header else "right")
    for row in rows:
        filled.add_row(*map(_cell, row))
    return filled


def _cell(content: RenderableType | int) -> RenderableType:
    if isinstance(content, int):
        return f"{content:,}"
    cell = Text(content) if isinstance(content, str) else content
    if isinstance(cell, Text):
        cell.plain = escape(cell.plain)
    return cell


@dataclass(frozen=True)
class PathCell:
    """A path in a table; if the column is too narrow, its end is shown."""

    path: str

    def __rich_measure__(self, screen: Console, options: ConsoleOptions) -> Measurement:
        width = cell_len(escape(self.path))
        return Measurement(min(width, MIN_PATH_WIDTH), width)

    def __rich_console__(self, screen: Console, options: ConsoleOptions) -> Iterator[Text]:
        end = escape(self.path)
        while cell_len(end) > options.max_width:
            end = "…" + end.removeprefix("…")[1:]
        yield Text(end, no_wrap=True, overflow="crop")


def print_json(value: object) -> None:
    """Prints `value` as JSON on stdout, and nothing else."""
    console().file.write(to_json(value))


def to_json(value: object) -> str:
    """Indented JSON; numpy arrays, numpy scalars and paths become lists, numbers and text.

    Raises:
        ValueError: There is a nan or an infinity, which JSON does not have.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def write_json(path: Path, value: object) -> None:
    """Writes JSON; a reader sees either the old file or the whole new one.

    Raises:
        DualhashError: The file cannot be written.
    """
    write_whole(path, to_json(value))


def progress(title: str) -> AbstractContextManager[Step]:
    """Yields a function to call with (done, total) during the work; see `Display.bar`."""
    return Display().bar(title)


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """Yields a function to call with (stage, share done); each stage gets its own `progress`."""
    current: tuple[str, Step] | None = None
    with ExitStack() as stack:

        def report(stage: str, share: float) -> None:
            nonlocal current
            if current is None or current[0] != stage:
                stack.close()
                current = stage, stack.enter_context(progress(stage))
            current[1](round(share * 100), 100)

        yield report


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
