"""What a training tells while it works: notes, tables, live figures and the time left."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

LINE_SECONDS = 30.0
"""Where there is no terminal, a line of progress is printed this often."""

Step = Callable[[int, int, str], None]
"""Called with how many are done, how many there are, and figures to show."""


class Display:
    """Prints to stderr; `Display(quiet=True)` prints nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)

    def note(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A small table that stays."""
        table = Table(*columns, title=title)
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    @contextmanager
    def bar(self, what: str) -> Iterator[Step]:
        """Progress of one piece of work: a bar on a terminal, now and then a line elsewhere."""
        if self._console.is_terminal and not self._console.quiet:
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[figures]}"),
                console=self._console,
                transient=True,
            ) as bars:
                task = bars.add_task(what, total=None, figures="")

                def step(done: int, total: int, figures: str) -> None:
                    bars.update(task, completed=done, total=total, figures=figures)

                yield step
        else:
            yield self._lines(what)

    def _lines(self, what: str) -> Step:
        started = said = time.monotonic()
        begun: int | None = None

        def step(done: int, total: int, figures: str) -> None:
            nonlocal said, begun
            now = time.monotonic()
            begun = done if begun is None else begun
            if now - said < LINE_SECONDS or done <= begun:
                return
            said = now
            left = timedelta(seconds=round((now - started) * (total - done) / (done - begun)))
            self.note(f"{what}: {done:,} of {total:,}, {left} left  {figures}".rstrip())

        return step
