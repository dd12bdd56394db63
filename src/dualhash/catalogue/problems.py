"""What is wrong with a catalogue, and where."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MANY = 15
"""If more images than this are left out, they are also counted by type, as lists are cut."""


@dataclass(frozen=True)
class CatalogueProblem:
    """One problem.

    Attributes:
        location: The file and, in a table, the row, such as `products.csv row 17`. The first row
            below the header is row 1.
        message: What is wrong.
        fatal: Whether the image had to be left out.
    """

    location: str
    message: str
    fatal: bool = False

    @property
    def of_one_row(self) -> bool:
        """Whether it concerns one row of a table, rather than the whole catalogue."""
        return " row " in self.location

    def __str__(self) -> str:
        return f"{self.location}: {self.message}"


def shortened(items: Sequence[str], limit: int = 20) -> str:
    """`a, b, c`, or only the first `limit` and how many more there are."""
    more = f", … and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more


def counted_by_type(files: Iterable[Path]) -> str:
    """`.cr2 (1), .jxl (2)`, the most frequent type first."""
    kinds = Counter(file.suffix.lower() or "no suffix" for file in files)
    return shortened([f"{kind} ({n:,})" for kind, n in kinds.most_common()])
