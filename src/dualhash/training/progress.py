"""Progress of a training: notes, tables, live figures and the remaining time."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

FIRST_LINE_SECONDS, LINE_SECONDS = 2.0, 20.0
"""Seconds to the first line of progress, and between two, if the output is not a terminal."""


class Step(Protocol):
    """Reports progress."""

    def __call__(self, done: int, total: int, figures: str = "") -> None:
        """Shows that `done` of `total` steps are complete, and further figures."""


class Display:
    """Prints progress to stderr; `Display(quiet=True)` prints nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)

    def note(self, text: str) -> None:
        """Prints a line."""
        self._console.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Prints a small table."""
        table = Table(*columns, title=title)
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    @contextmanager
    def bar(self, title: str) -> Iterator[Step]:
        """Shows the progress of one task: a bar on a terminal, else an occasional line."""
        if not self._console.is_terminal or self._console.quiet:
            yield self._lines(title)
            return
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
            transient=True,
        ) as bars:
            task = bars.add_task(title, total=None, figures="")

            def step(done: int, total: int, figures: str = "") -> None:
                bars.update(task, completed=done, total=total, figures=figures)

            yield step

    def _lines(self, title: str) -> Step:
        started = time.monotonic()
        next_line = started + FIRST_LINE_SECONDS
        first: int | None = None

        def step(done: int, total: int, figures: str = "") -> None:
            nonlocal next_line, first, started
            now = time.monotonic()
            if first is None:  # what came before it, such as loading, says nothing about the rest
                first, started = done, now
            if now < next_line or done <= first:
                return
            next_line = now + LINE_SECONDS
            left = timedelta(seconds=round((now - started) * (total - done) / (done - first)))
            self.note(f"{title}: {done:,} of {total:,}, {left} left  {figures}".rstrip())

        return step
