"""What commands print: one place for sentences, tables, JSON and progress."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dualhash.errors import DualhashError
from dualhash.files import cannot_write, write_whole

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.measure import Measurement
    from rich.progress import Progress
    from rich.table import Table
    from rich.text import Text

TAIL = 16
"""Of a path in a table at least so many columns are shown."""

PIPE_WIDTH = 100
"""Columns of a table that is not printed to a terminal."""

QUIET_SECONDS = 2.0
"""Things that take less show no progress."""

LINE_SECONDS = 10.0
"""Where there is no terminal, a line of progress is printed this often."""

LONG_LIST = 15
"""How many of the things left out are named."""

Report = Callable[[int, int], None]
"""Called with how many are done and how many there are in all."""


@cache
def console(*, stderr: bool = False) -> Console:
    """The console of results (stdout) or of messages about the work (stderr)."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = PIPE_WIDTH
    return made


def say(text: str) -> None:
    """A line of the result; brackets are printed as they are and long lines are not broken."""
    console().print(text, markup=False, soft_wrap=True)


def note(text: str) -> None:
    """A line about the work, on stderr, so that results can be piped."""
    console(stderr=True).print(text, markup=False, soft_wrap=True, style="dim")


def complain(text: str) -> None:
    """What is wrong, on stderr, in red."""
    console(stderr=True).print(text, markup=False, soft_wrap=True, style="red")


def list_left_out(reasons: Sequence[str]) -> None:
    """Names on stderr what could not be used and why; of many the first."""
    _list("Left out", reasons)


def list_remarks(remarks: Sequence[str]) -> None:
    """Names on stderr what else was noticed; of many the first."""
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
    """A rich table or panel as part of the result."""
    console().print(renderable)


def table(title: str, *headers: str) -> Table:
    """An empty table to `show`; a header that begins with > stands over numbers.

    Brackets in title and headers are printed as they are.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(
        title=Text(title, style="bold"),
        box=SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
    )
    for header in headers:
        justify: Literal["left", "right"] = "right" if header.startswith(">") else "left"
        made.add_column(Text(header.removeprefix(">")), justify=justify)
    return made


@dataclass(frozen=True)
class Tail:
    """A path in a table: where there is no room for all of it, its end is shown.

    Attributes:
        path: As text.
    """

    path: str

    def __rich_measure__(self, screen: Console, options: ConsoleOptions) -> Measurement:
        from rich.cells import cell_len
        from rich.measure import Measurement

        whole = cell_len(self.path)
        return Measurement(min(whole, TAIL), whole)

    def __rich_console__(self, screen: Console, options: ConsoleOptions) -> Iterator[Text]:
        from rich.cells import cell_len
        from rich.text import Text

        end = self.path
        while cell_len(end) > options.max_width:
            end = "…" + end.removeprefix("…")[1:]
        yield Text(end, no_wrap=True, overflow="crop")


def print_json(value: object) -> None:
    """`value` as JSON on stdout, and nothing else."""
    console().file.write(to_json(value))


def to_json(value: object) -> str:
    """Indented JSON; numpy scalars and paths become numbers and text.

    Raises:
        ValueError: There is a nan or an infinity, which JSON does not have.
    """
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def write_json(path: Path, value: object) -> None:
    """Writes JSON so that a reader sees either the old file or the whole new one.

    Raises:
        DualhashError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, to_json(value))
    except OSError as error:
        raise DualhashError(cannot_write(path, error)) from error


@contextmanager
def progress(what: str) -> Iterator[Report]:
    """Yields a function to call with (done, total) while the work goes on.

    On a terminal a bar with the time left appears after two seconds; elsewhere a line is printed
    to stderr every ten seconds. Work that is quicker prints nothing.
    """
    screen = console(stderr=True)
    shown = _Bar(what, screen) if screen.is_terminal else _Lines(what)
    try:
        yield shown.report
    finally:
        shown.close()


@contextmanager
def stages() -> Iterator[Callable[[str, float], None]]:
    """Yields a function to call with (stage, share done); each stage gets its own `progress`."""
    shown: tuple[str, Report] | None = None
    with ExitStack() as stack:

        def report(stage: str, share: float) -> None:
            nonlocal shown
            if shown is None or shown[0] != stage:
                stack.close()
                shown = stage, stack.enter_context(progress(stage))
            shown[1](round(share * 100), 100)

        yield report


class _Bar:
    def __init__(self, what: str, screen: Console) -> None:
        self._what, self._screen = what, screen
        self._started = time.monotonic()
        self._bar: Progress | None = None

    def report(self, done: int, total: int) -> None:
        if self._bar is None:
            if time.monotonic() - self._started < QUIET_SECONDS:
                return
            self._bar = self._make()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _make(self) -> Progress:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._screen,
            transient=True,
        )
        bar.add_task(self._what)
        bar.start()
        return bar


class _Lines:
    def __init__(self, what: str) -> None:
        self._what = what
        self._started = self._said = time.monotonic()

    def report(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said < LINE_SECONDS or not done:
            return
        self._said = now
        left = timedelta(seconds=round((now - self._started) * (total - done) / done))
        note(f"{self._what}: {done:,} of {total:,}, {left} left")

    def close(self) -> None:
        pass


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
