"""The images that a model is judged on: the subset `test`, encoded."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import TEST, Catalogue
from dualhash.codes.code_file import SavedCodes
from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.codes.packing import unpack
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.search.index import Index


@dataclass(frozen=True, eq=False)
class EncodedTestSet:
    """N test images that were encoded, and what is true of them.

    Attributes:
        catalogue: The N images.
        reals: (N, k) float32, outputs of the hash layer in [0, 1].
        failures: Further test images, of which there is no code.
        label_hash: Of all test images, those without a code among them.
    """

    catalogue: Catalogue
    reals: NDArray[np.float32]
    failures: tuple[Failure, ...]
    label_hash: str

    @property
    def labels(self) -> TrueLabels:
        """The truth about the N images."""
        return TrueLabels(
            self.catalogue.categories, self.catalogue.attributes, self.catalogue.observed
        )

    def saved(self, probabilities: NDArray[np.floating]) -> SavedCodes:
        """The codes with their images' names and what is told of them.

        Images without a category are given a number of their own, one past the last.

        Args:
            probabilities: (N, p) in [0, 1], of each attribute.
        """
        categories, nameless = self.catalogue.categories, len(self.catalogue.names.categories)
        return SavedCodes(
            outputs=self.reals,
            probabilities=probabilities.astype(np.float32),
            labels=np.where(categories >= 0, categories, nameless),
            images=self.catalogue.references,
        )


def encode_test_images(
    model: Model,
    catalogue: Catalogue,
    *,
    views: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> EncodedTestSet:
    """Encodes the subset `test`; images that cannot be read are left out and named.

    Args:
        model: It has the attributes of the catalogue, in the same order, or none.
        catalogue: What is true of the images.
        views: 1, or 10 to average corners, centre and mirrors.
        progress: Called with how many images are done and how many there are.

    Raises:
        DualhashError: No test images, none that can be read, or other attributes than the model's.
    """
    if not model.card.attribute_names:
        catalogue = catalogue.aligned(model.card.names)
    check_attributes(model.card.attribute_names, catalogue)
    test = select_test_images(catalogue)
    encoded = model.encode(test.images, views=views, progress=progress)
    if not len(encoded.rows):
        raise DualhashError(
            f"None of the {len(test)} test images can be read; the first: "
            f"{encoded.failures[0].image}: {encoded.failures[0].reason}"
        )
    return EncodedTestSet(
        test.take(encoded.rows), encoded.reals[encoded.rows], encoded.failures, test.label_hash
    )


def read_indexed_codes(index: Index, catalogue: Catalogue) -> EncodedTestSet:
    """The test images that are in an index, with its bits as outputs of 0 and 1.

    Images are found by their paths; those that are not there are left out and named.

    Raises:
        DualhashError: No test images, none in the index, other attributes than the index's, or the
            index is damaged.
    """
    check_attributes(index.header.attribute_head.names, catalogue)
    test = select_test_images(catalogue)
    places = {path.resolve(): row for row, path in enumerate(test.images)}
    rows = {item.id: places.get(Path(item.image).resolve()) for item in index}
    reals = np.full((len(test), index.header.bits), np.nan, np.float32)
    for ids, codes in index.codes():
        for item, bits in zip(ids.tolist(), unpack(codes), strict=True):
            if (row := rows.get(item)) is not None:
                reals[row] = bits
    missing = np.isnan(reals[:, 0])
    if missing.all():
        raise DualhashError(f"{index.path} has none of the test images of {catalogue.source}.")
    failures = tuple(
        Failure(row, str(test.images[row]), f"{test.images[row]} is not in {index.path}.")
        for row in np.flatnonzero(missing).tolist()
    )
    kept = np.flatnonzero(~missing)
    return EncodedTestSet(test.take(kept), reals[kept], failures, test.label_hash)


def match_saved_codes(saved: SavedCodes, catalogue: Catalogue) -> EncodedTestSet:
    """The test images that codes belong to.

    They are found by their names where the codes have them; otherwise the codes are those of all
    test images, in the order of the catalogue. Categories may be numbered otherwise, but the same
    images must be of one category.

    Raises:
        DualhashError: Another number of images or attributes, unknown names, or other categories.
    """
    test = select_test_images(catalogue)
    attributes = saved.probabilities.shape[1]
    if attributes != len(test.names.attributes):
        raise DualhashError(
            f"The codes come with {attributes} attributes, {catalogue.source} has "
            f"{len(test.names.attributes)}. Name the columns of the table as in training: "
            "--attribute-columns, --facet-columns and, for categories, --category-column."
        )
    if saved.images:
        found = {name: row for row, name in enumerate(test.references)}
        unknown = [name for name in saved.images if name not in found]
        if unknown:
            raise DualhashError(
                f"{unknown[0]}, which there is a code of, is no test image of {catalogue.source}."
            )
        matched = test.take(np.array([found[name] for name in saved.images], np.int64))
    elif len(saved) == len(test):
        matched = test
    else:
        raise DualhashError(
            f"There are codes of {len(saved):,} images, but {catalogue.source} has {len(test):,} "
            "test images. The released extraction tool appends to .dat files that are there "
            "already: delete them before it runs."
        )
    _check_categories(saved.labels, matched)
    return EncodedTestSet(matched, saved.outputs, (), test.label_hash)


def _check_categories(labels: NDArray[np.int64], catalogue: Catalogue) -> None:
    """Refuses labels that do not group the images as the catalogue does."""
    known = catalogue.categories >= 0
    pairs = set(zip(labels[known].tolist(), catalogue.categories[known].tolist(), strict=True))
    for of_pair in zip(*pairs, strict=True):
        if len(set(of_pair)) != len(pairs):
            raise DualhashError(
                f"The categories that come with the codes are not those of {catalogue.source}: are "
                "the codes of these images, in this order, and is --category-column the one of "
                "the training?"
            )


def select_test_images(catalogue: Catalogue) -> Catalogue:
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
