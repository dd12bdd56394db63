"""The figures printed in the paper, on its own data."""

import json
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict


class PrintedTable(BaseModel):
    """A table of the paper on one of its data sets.

    Attributes:
        dataset: ImageNet-150K, CFW-60K or SUN-120K.
        columns: Heads of the columns.
        rows: By the head of a row, its numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[float, ...]]


@cache
def printed() -> dict[str, tuple[PrintedTable, ...]]:
    """Returns the printed tables by name. Figures 8, 9 and 12 to 15 are printed without numbers.

    Source: Liu et al. 2020, tables 1 to 4 and section 4.2.4.
    """
    content = (files("reproduction") / "printed_tables.json").read_text(encoding="utf-8")
    return {
        name: tuple(PrintedTable.model_validate(table) for table in tables)
        for name, tables in json.loads(content).items()
    }
