"""Reading MATLAB files, in which the authors of the paper's data sets distribute their labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError


def read_mat(path: Path, variables: Sequence[str]) -> dict[str, NDArray[np.generic]]:
    """The named variables of a .mat file, as scipy gives them.

    Raises:
        DualhashError: scipy is not installed; the file is missing, damaged or lacks a variable.
    """
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as error:
        raise DualhashError(
            f"{path.name} is a MATLAB file, which needs scipy: pip install scipy."
        ) from error
    if not path.is_file():
        raise DualhashError(f"{path} is missing; it comes with the data set's labels.")
    try:
        content = loadmat(path, variable_names=list(variables))
    except Exception as error:  # scipy raises what its parser happens to stumble over
        raise DualhashError(f"{path} cannot be read as a MATLAB file: {error}.") from error
    lacking = [name for name in variables if name not in content]
    if lacking:
        raise DualhashError(f"{path} lacks the variable {lacking[0]!r}: is this the right file?")
    return {name: content[name] for name in variables}


def strings(cells: NDArray[np.generic], where: str) -> tuple[str, ...]:
    """The strings of a cell array of one string each, in order.

    Args:
        cells: Cell array of any shape.
        where: File and variable, for the message.

    Raises:
        DualhashError: A cell holds something else than one string.
    """
    texts = [np.asarray(cell) for cell in cells.ravel()]
    if any(text.size != 1 or text.dtype.kind != "U" for text in texts):
        raise DualhashError(f"{where} is not a list of strings: is this the right file?")
    return tuple(str(text.item()) for text in texts)
