"""Paths, as they stand in index files."""

import os
from pathlib import Path


def portable(path: Path | str, folder: Path) -> str:
    """How `path` is written down in a file in `folder` (absolute).

    What lies in the folder or below is named from there, so that they can be moved together;
    anything else by its full path.
    """
    # As text, which is many times faster than paths; symbolic links stay as they are.
    full, inside = os.path.abspath(path), os.path.join(folder, "")  # noqa: PTH100, PTH118
    return full.removeprefix(inside).replace(os.sep, "/") if full.startswith(inside) else full
