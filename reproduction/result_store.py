"""Finished cells on disk, one small JSON file each."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from dualhash.errors import DualhashError
from dualhash.files import write_whole
from reproduction.grid_cell import Result


@dataclass(frozen=True)
class ResultStore:
    """A folder of results.

    Attributes:
        folder: Of one catalogue, with a file `<name of cell>.json` for each cell.
    """

    folder: Path

    def read(self) -> dict[str, Result]:
        """Returns all results by name of their cell; none if the folder does not exist.

        Raises:
            DualhashError: A file is damaged or is not a result.
        """
        results = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                result = Result.model_validate_json(path.read_bytes())
            except ValidationError as error:
                raise DualhashError(
                    f"{path} is not a result of an experiment: {error.errors()[0]['msg']}. "
                    "Delete the file to train the cell again."
                ) from error
            results[result.name] = result
        return results

    def write(self, result: Result) -> None:
        """Saves a result; an earlier one of the same cell is replaced.

        Raises:
            DualhashError: The folder cannot be written.
        """
        path = self.folder / f"{result.name}.json"
        write_whole(path, _readable(result.model_dump(mode="json", exclude_defaults=True)))


def _readable(value: object, indent: str = "") -> str:
    """Formats JSON with a line for each entry of an object, and lists on one line."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = indent + "  "
    lines = (f"{inner}{json.dumps(name)}: {_readable(each, inner)}" for name, each in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}" + ("" if indent else "\n")
