"""How often each attribute is present and absent among the labels that training sees."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.errors import DualhashError


@dataclass(frozen=True)
class AttributeCounts:
    """Counts over the labels of p attributes; every attribute has both kinds.

    Attributes:
        names: p attribute names.
        positives: (p,) int64, N_p, images known to have the attribute; at least 1.
        negatives: (p,) int64, N_n, images known not to have it; at least 1.

    Raises:
        DualhashError: An attribute has no positive or no negative; the message names all such.
    """

    names: tuple[str, ...]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]

    def __post_init__(self) -> None:
        lacking = [
            f"{name!r} is never {what} among the training labels"
            for what, counts in (("present", self.positives), ("absent", self.negatives))
            for name, count in zip(self.names, counts, strict=True)
            if count == 0
        ]
        if lacking:
            raise DualhashError(
                f"Attributes cannot be learnt from one kind of label: {'; '.join(lacking)}. "
                "Label some images of the other kind or leave the attribute out."
            )
