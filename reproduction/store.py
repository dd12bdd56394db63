"""Finished cells on disk: one small JSON file each."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dualhash.errors import DualhashError
from dualhash.files import cannot_write, write_whole
from reproduction.cell import Cell, Result


@dataclass(frozen=True)
class ResultStore:
    """A folder of results.

    Attributes:
        folder: Of one catalogue; `<name of cell>.json` in it.
    """

    folder: Path

    def read(self) -> dict[str, Result]:
        """All results by name of their cell; none where there is no folder.

        Raises:
            DualhashError: A file is damaged, or not a result.
        """
        results = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                result = Result.model_validate_json(path.read_bytes())
            except ValidationError as error:
                raise DualhashError(
                    f"{path} is not a result of an experiment: {error.errors()[0]['msg']}. "
                    "Delete it, and the cell is trained again."
                ) from error
            results[result.name] = result
        return results

    def write(self, result: Result) -> None:
        """Keeps a result, in place of an earlier one of the same cell.

        Raises:
            DualhashError: The folder cannot be written.
        """
        path = self.folder / f"{result.name}.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, _readable(result.model_dump(mode="json", exclude_defaults=True)))
        except OSError as error:
            raise DualhashError(cannot_write(path, error)) from error


def current(
    cell: Cell,
    recipe: Mapping[str, Any],
    data: str,
    parts: Iterable[Cell],
    results: Mapping[str, Result],
) -> bool:
    """Whether there is a result of this cell, with these settings, on this data, of these models.

    Args:
        cell: The cell.
        recipe: The settings that the grid asks for now.
        data: Hash of the catalogue's labels.
        parts: The cells whose models it is made from.
        results: By name of their cell.
    """
    result = results.get(cell.name)
    if result is None:
        return False
    asked = json.loads(json.dumps(recipe))
    return (
        result.recipe == asked
        and result.hashes.get("data") == data
        and all(made_from(result, part, results) for part in parts)
    )


def made_from(result: Result, part: Cell, results: Mapping[str, Result]) -> bool:
    """Whether a cell was made from the model of a part as that is now."""
    now = results.get(part.name)
    return now is not None and result.hashes.get(part.method) == now.hashes.get("model")


def _readable(value: object, indent: str = "") -> str:
    """JSON with a line for each entry of an object, and lists on one line."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = indent + "  "
    lines = (f"{inner}{json.dumps(name)}: {_readable(each, inner)}" for name, each in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}" + ("" if indent else "\n")
