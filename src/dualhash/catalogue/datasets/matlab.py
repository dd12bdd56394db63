"""Reads MATLAB files, the format of the labels of the paper's data sets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError


def read_mat(path: Path, variables: Sequence[str]) -> dict[str, NDArray[np.generic]]:
    """The named variables of a .mat file, as `scipy.io.loadmat` returns them.

    Raises:
        DualhashError: scipy is not installed; the file does not exist, is damaged or has no such
            variable.
    """
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as error:
        raise DualhashError(
            f"{path.name} is a MATLAB file, which needs scipy: pip install scipy."
        ) from error
    if not path.is_file():
        raise DualhashError(f"{path} does not exist. It comes with the data set's labels.")
    try:
        content = loadmat(path, variable_names=list(variables))
    except Exception as error:  # scipy's parser raises any exception on damaged files
        raise DualhashError(f"{path} cannot be read as a MATLAB file: {error}.") from error
    for name in variables:
        if name not in content:
            raise DualhashError(f"{path} has no variable {name!r}. Is this the right file?")
    return {name: content[name] for name in variables}


def strings(cells: NDArray[np.generic], location: str) -> tuple[str, ...]:
    """The strings of a cell array, in order.

    Args:
        cells: Cell array of any shape, one string a cell.
        location: File and variable, for the error message.

    Raises:
        DualhashError: A cell is not one string.
    """
    texts = [np.asarray(cell) for cell in cells.ravel()]
    if any(text.size != 1 or text.dtype.kind != "U" for text in texts):
        raise DualhashError(f"{location} is not a list of strings. Is this the right file?")
    return tuple(str(text.item()) for text in texts)
