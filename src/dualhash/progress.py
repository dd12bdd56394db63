"""What long work prints to stderr: notes, tables and progress. Control characters are escaped."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

QUIET_SECONDS = 2.0
"""Shorter work shows no progress."""

LINE_SECONDS = 20.0
"""Seconds between two lines of progress without a terminal."""

PIPE_WIDTH = 100
"""Width of a table that is not printed to a terminal, in columns."""

UNSAFE = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that control a terminal, reverse text, or cannot be encoded; not line ends."""


@cache
def console(*, stderr: bool = False) -> Console:
    """The console of results (stdout) or of messages (stderr)."""
    screen = Console(stderr=stderr, highlight=False)
    if not screen.is_terminal:
        screen.width = PIPE_WIDTH
    return screen


def escape(text: str) -> str:
    r"""The text with `\x1b` in place of an escape byte, and so on for all of `UNSAFE`."""
    return UNSAFE.sub(lambda match: repr(match[0])[1:-1], text)


class Step(Protocol):
    """Reports progress."""

    def __call__(self, done: int, total: int, figures: str = "") -> None:
        """Shows that `done` of `total` steps are complete, and further figures."""


class Display:
    """Prints progress to stderr; `Display(quiet=True)` prints nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._remarks: set[str] = set()

    def note(self, text: str) -> None:
        """Prints a line."""
        if not self._quiet:
            screen = console(stderr=True)
            screen.print(escape(text), markup=False, soft_wrap=True, style="dim")

    def remark(self, text: str) -> None:
        """Prints a line, but only once."""
        if text not in self._remarks:
            self._remarks.add(text)
            self.note(text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Prints a small table."""
        table = Table(*columns, title=title)
        for row in rows:
            table.add_row(*row)
        if not self._quiet:
            console(stderr=True).print(table)

    @contextmanager
    def bar(self, title: str) -> Iterator[Step]:
        """Yields a function to call during the work.

        A terminal shows a bar with the time left after two seconds. Without a terminal, a line is
        printed after two seconds, and then every 20 seconds.
        """
        screen = console(stderr=True)
        started = time.monotonic()
        next_line = started + QUIET_SECONDS
        first: int | None = None
        bar: Progress | None = None

        def step(done: int, total: int, figures: str = "") -> None:
            nonlocal next_line, first, started, bar
            now = time.monotonic()
            if first is None:  # what came before it, such as loading, says nothing about the rest
                first, started = done, now
            if self._quiet or (now < next_line and bar is None):
                return
            if screen.is_terminal:
                bar = bar or _start_bar(title, screen)
                bar.update(bar.task_ids[0], completed=done, total=total, figures=figures)
            elif done > first:
                next_line = now + LINE_SECONDS
                left = timedelta(seconds=round((now - started) * (total - done) / (done - first)))
                self.note(f"{title}: {done:,} of {total:,}, {left} left  {figures}".rstrip())

        try:
            yield step
        finally:
            if bar is not None:
                bar.stop()


def _start_bar(title: str, screen: Console) -> Progress:
    bar = Progress(
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TimeRemainingColumn(), TextColumn("{task.fields[figures]}")),
        console=screen,
        transient=True,
    )
    bar.add_task(title, figures="")
    bar.start()
    return bar
