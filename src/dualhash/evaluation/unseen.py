"""The images that a model is judged on: the subset `test`, encoded."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import TEST, Catalogue
from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.errors import DualhashError
from dualhash.evaluation.labels import Labels


@dataclass(frozen=True, eq=False)
class Unseen:
    """N test images that were encoded, and what is true of them.

    Attributes:
        catalogue: The N images.
        reals: (N, k) float32, outputs of the hash layer in [0, 1].
        failures: Further test images, which cannot be read.
        label_hash: Of all test images, those that cannot be read among them.
    """

    catalogue: Catalogue
    reals: NDArray[np.float32]
    failures: tuple[Failure, ...]
    label_hash: str

    @property
    def labels(self) -> Labels:
        """The truth about the N images."""
        return Labels(self.catalogue.categories, self.catalogue.attributes, self.catalogue.observed)


def encode_unseen(
    model: Model,
    catalogue: Catalogue,
    *,
    views: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Unseen:
    """Encodes the subset `test`; images that cannot be read are left out and named.

    Args:
        model: Its attributes must be those of the catalogue, in the same order.
        catalogue: What is true of the images.
        views: 1, or 10 to average corners, centre and mirrors.
        progress: Called with how many images are done and how many there are.

    Raises:
        DualhashError: No test images, none that can be read, or other attributes than the model's.
    """
    check_attributes(model.card.attribute_names, catalogue)
    test = unseen_images(catalogue)
    encoded = model.encode(test.images, views=views, progress=progress)
    if not len(encoded.rows):
        raise DualhashError(
            f"None of the {len(test)} test images can be read; the first: "
            f"{encoded.failures[0].image}: {encoded.failures[0].reason}"
        )
    return Unseen(
        test.take(encoded.rows), encoded.reals[encoded.rows], encoded.failures, test.label_hash
    )


def unseen_images(catalogue: Catalogue) -> Catalogue:
    """The subset `test`.

    Raises:
        DualhashError: It has no images.
    """
    rows = catalogue.rows(TEST)
    if not len(rows):
        raise DualhashError(
            f"{catalogue.source} has no images in the subset 'test', so there is nothing to judge "
            "codes on; add a subset column."
        )
    return catalogue.take(rows.astype(np.int64))


def check_attributes(known: tuple[str, ...], catalogue: Catalogue) -> None:
    """Refuses a catalogue with other attributes than a model's, or in another order."""
    theirs = catalogue.names.attributes
    if theirs != known:
        differing = sorted(set(theirs) ^ set(known))
        what = f"differ in {', '.join(map(repr, differing))}" if differing else "differ in order"
        raise DualhashError(
            f"The attributes of {catalogue.source} and of the model {what}; read the catalogue "
            "with the columns and names that the model was trained with."
        )
