"""Analyses the bits of a model on the test images of a catalogue."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dualhash.analysis.bit_attribution import attributions, label_correlations
from dualhash.analysis.bit_functionality import BitFunctionality, bit_functionality
from dualhash.array_cache import Report
from dualhash.catalogue.catalogue import Catalogue
from dualhash.codes.linear_head import LinearHead
from dualhash.codes.model import Model
from dualhash.codes.packing import quantise
from dualhash.evaluation.encoded_test_set import encode_test_images


@dataclass(frozen=True, eq=False)
class Analysis:
    """The results for the bits of a model.

    Attributes:
        source: The catalogue, as the user named it.
        functionality: Equations 9 to 11 on its test images.
        head: Predicts p attributes from k bits.
        attributions: (p, k) in [-1, 1]; see `bit_attribution.attributions`.
        correlations: (p, k) in [-1, 1]; see `bit_attribution.label_correlations`.
        largest: Name of the category with the most test images.
        largest_share: Its share of the pairs of images of the same category.
        hashes: Of the `model` and of the `data`, the label table of the test images.
        failures: One sentence for each test image that was left out.
    """

    source: str
    functionality: BitFunctionality
    head: LinearHead
    attributions: NDArray[np.float64]
    correlations: NDArray[np.float64]
    largest: str
    largest_share: float
    hashes: dict[str, str]
    failures: tuple[str, ...]


def analyse(
    model: Model,
    catalogue: Catalogue,
    *,
    views: int = 1,
    progress: Report = lambda _done, _total: None,
) -> Analysis:
    """Encodes the `test` images and analyses each bit of their binary codes.

    Only test images are used, since bits fit training images better than others. Images without a
    category are left out of equations 9 to 11, images with a missing label of an attribute are left
    out for that attribute.

    Args:
        model: A model with the attributes of the catalogue, in the same order.
        catalogue: The images and their true labels.
        views: 1, or 10 to average corners, centre and mirror images before thresholding.
        progress: Called with the number of images that are done and the number of all.

    Raises:
        DualhashError: There are no readable test images, their attributes are not those of the
            model, or they are of fewer than two categories.
    """
    test_set = encode_test_images(model, catalogue, views=views, progress=progress)
    bits, labels = quantise(test_set.reals), test_set.labels
    functionality = bit_functionality(bits, *labels, model.attribute_head)
    pairs = np.bincount(labels.categories[labels.categories >= 0]) ** 2
    return Analysis(
        source=catalogue.source,
        functionality=functionality,
        head=model.attribute_head,
        attributions=attributions(model.attribute_head),
        correlations=label_correlations(bits, labels.attributes, labels.observed),
        largest=catalogue.names.categories[int(pairs.argmax())],
        largest_share=float(pairs.max() / pairs.sum()),
        hashes={"model": model.hash, "data": test_set.label_hash},
        failures=tuple(failure.reason for failure in test_set.failures),
    )
