"""The test images of a catalogue with their codes and true labels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dualhash.catalogue.catalogue import Catalogue, Subset
from dualhash.codes.code_file import SavedCodes
from dualhash.codes.encoder import Failure
from dualhash.codes.model import Model
from dualhash.codes.packing import unpack
from dualhash.codes.ten_crop import check_views
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.search.index import Index


@dataclass(frozen=True, eq=False)
class EncodedTestSet:
    """N encoded test images with their true labels.

    Attributes:
        catalogue: The N images.
        reals: (N, k) float32, outputs of the hash layer in [0, 1].
        ranking_bits: Number of leading outputs that rank; None for all.
        failures: Further test images, which have no code.
        label_hash: Hash of the label table of all test images, with and without a code.
    """

    catalogue: Catalogue
    reals: NDArray[np.float32]
    ranking_bits: int | None
    failures: tuple[Failure, ...]
    label_hash: str

    @property
    def labels(self) -> TrueLabels:
        """The true labels of the N images."""
        return TrueLabels(
            self.catalogue.categories, self.catalogue.attributes, self.catalogue.observed
        )

    def saved(self, probabilities: NDArray[np.floating]) -> SavedCodes:
        """Returns the codes with the names, categories and predictions of the images.

        Images without a category get a number of their own, one past the last category.

        Args:
            probabilities: (N, p) in [0, 1], of each attribute.
        """
        categories, uncategorised = self.catalogue.categories, len(self.catalogue.names.categories)
        return SavedCodes(
            outputs=self.reals,
            probabilities=probabilities.astype(np.float32),
            labels=np.where(categories >= 0, categories, uncategorised),
            images=self.catalogue.references,
            ranking_bits=self.ranking_bits,
        )


def encode_test_images(
    model: Model,
    catalogue: Catalogue,
    *,
    views: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> EncodedTestSet:
    """Encodes the subset `test`. Images that cannot be read are left out and named.

    Args:
        model: A model with the attributes of the catalogue, in the same order, or without any.
        catalogue: The images and their true labels.
        views: 1, or 10 to average corners, centre and mirror images.
        progress: Called with the number of images that are done and the number of all.

    Raises:
        DualhashError: There are no readable test images, or their attributes are not those of the
            model.
    """
    if not model.card.attribute_names:
        catalogue = catalogue.aligned(model.card.names)
    _check_attributes(model.card.attribute_names, catalogue)
    test = select_test_images(catalogue)
    if test.features is None:
        encoded = model.encode(test.images, views=views, progress=progress)
    else:
        check_views(views, model.card.vector_length)
        encoded = model.encode_vectors(test.features[:], test.features.source)
    if not len(encoded.rows):
        failure = encoded.failures[0]
        raise DualhashError(
            f"None of the {len(test)} test images can be read; the first: {failure.image}: "
            f"{failure.reason}"
        )
    return EncodedTestSet(
        test.take(encoded.rows),
        encoded.reals[encoded.rows],
        model.card.ranking_bits,
        encoded.failures,
        test.label_hash,
    )


def read_indexed_codes(index: Index, catalogue: Catalogue) -> EncodedTestSet:
    """Returns the test images that are in an index, with their bits as outputs of 0 and 1.

    Images are found by their paths. Images that are not in the index are left out and named.

    Raises:
        DualhashError: The index has none of the test images, has other attributes than the
            catalogue, or is damaged.
    """
    _check_attributes(index.header.attribute_head.names, catalogue)
    test = select_test_images(catalogue)
    row_of_path = {path.resolve(): row for row, path in enumerate(test.images)}
    row_of_id = {item.id: row_of_path.get(Path(item.image).resolve()) for item in index}
    reals = np.full((len(test), index.header.bits), np.nan, np.float32)
    for ids, codes in index.codes():
        for item, bits in zip(ids.tolist(), unpack(codes), strict=True):
            if (row := row_of_id.get(item)) is not None:
                reals[row] = bits
    missing = np.isnan(reals[:, 0])
    if missing.all():
        raise DualhashError(f"{index.path} has none of the test images of {catalogue.source}.")
    failures = tuple(
        Failure(row, str(test.images[row]), f"{test.images[row]} is not in {index.path}.")
        for row in np.flatnonzero(missing).tolist()
    )
    kept = np.flatnonzero(~missing)
    ranking_bits = index.header.ranking_bits
    return EncodedTestSet(test.take(kept), reals[kept], ranking_bits, failures, test.label_hash)


def match_saved_codes(saved: SavedCodes, catalogue: Catalogue) -> EncodedTestSet:
    """Finds the test images that saved codes belong to.

    If the codes have image names, these are looked up. If not, the codes must be those of all test
    images, in the order of the catalogue. Categories may have other numbers than in the catalogue,
    but must group the images in the same way.

    Raises:
        DualhashError: The number of images or attributes differs, an image is unknown, or the
            categories differ.
    """
    test = select_test_images(catalogue)
    attributes = saved.probabilities.shape[1]
    if attributes != len(test.names.attributes):
        raise DualhashError(
            f"The codes have {attributes} attributes, {catalogue.source} has "
            f"{len(test.names.attributes)}. Name the columns of the table as in training: "
            "--attribute-columns, --facet-columns and, for categories, --category-column."
        )
    if saved.images:
        row_of_name = {name: row for row, name in enumerate(test.references)}
        for name in saved.images:
            if name not in row_of_name:
                raise DualhashError(
                    f"There is a code of {name}, which is not a test image of {catalogue.source}."
                )
        test_images = test.take(np.array([row_of_name[name] for name in saved.images], np.int64))
    elif len(saved) == len(test):
        test_images = test
    else:
        raise DualhashError(
            f"There are codes of {len(saved):,} images, but {catalogue.source} has {len(test):,} "
            "test images. The released extraction tool appends to existing .dat files: delete them "
            "before you run it."
        )
    _check_categories(saved.labels, test_images)
    return EncodedTestSet(test_images, saved.outputs, saved.ranking_bits, (), test.label_hash)


def select_test_images(catalogue: Catalogue) -> Catalogue:
    """Returns the subset `test`.

    Raises:
        DualhashError: The subset has no images.
    """
    rows = catalogue.rows(Subset.TEST)
    if not len(rows):
        raise DualhashError(
            f"{catalogue.source} has no images in the subset 'test', so nothing can be evaluated. "
            "Label some images, or use a table with a subset column."
        )
    return catalogue.take(rows.astype(np.int64))


def _check_categories(labels: NDArray[np.int64], catalogue: Catalogue) -> None:
    """Refuses labels that do not group the images as the catalogue does."""
    known = catalogue.categories >= 0
    pairs = set(zip(labels[known].tolist(), catalogue.categories[known].tolist(), strict=True))
    for side in zip(*pairs, strict=True):
        if len(set(side)) != len(pairs):
            raise DualhashError(
                f"The categories of the codes are not those of {catalogue.source}. Check that the "
                "codes are of these images, in this order, and that --category-column is the "
                "column used in training."
            )


def _check_attributes(known: tuple[str, ...], catalogue: Catalogue) -> None:
    """Refuses a catalogue with other attributes than a model has, or with another order."""
    names = catalogue.names.attributes
    if names != known:
        differing = sorted(set(names) ^ set(known))
        what = f"differ in {', '.join(map(repr, differing))}" if differing else "differ in order"
        raise DualhashError(
            f"The attributes of {catalogue.source} and of the model {what}. Read the catalogue "
            "with the columns and names that the model was trained with."
        )
