"""What was found wrong in a catalogue, said so that it can be put right."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
        where: File and, for a table, the row, such as `products.csv row 17` (the first is row 1).
        what: A plain sentence.
        fatal: Whether the row had to be left out.
    """

    where: str
    what: str
    fatal: bool = False


def shortened(items: Sequence[str], limit: int = 20) -> str:
    """`a, b, c`, or only the first `limit` and how many more there are."""
    more = f", … and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more
