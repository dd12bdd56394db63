"""The functionality of each bit of a code: its category and attribute information.

Source: Liu et al. 2020, sections 3.6 and 4.2.4, equations 9 to 11, figures 10 and 11.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dualhash.analysis.category_separation import separation
from dualhash.analysis.correlation import Correlation, correlate
from dualhash.catalogue.catalogue import count_labels
from dualhash.codes.linear_head import LinearHead
from dualhash.errors import DualhashError


class AttributeFunctionality(BaseModel):
    """One attribute: a point of figure 11.

    Attributes:
        name: Of the attribute.
        alignment: v_j, equation 11 as computed by `separation`, in [-1, 1]: 1 if the categories
            determine the attribute; None if its labels are of fewer than two categories.
        shared: c_j^attr, the correlation over bits of |W_jk| with the category information:
            positive if the attribute is predicted from bits that hold categories. None if one of
            both is the same for all bits.
        present: Images with a category that have the attribute.
        absent: Images with a category that do not have it.
        missing: Images with a category and a missing label; they are left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    alignment: float | None
    shared: float | None
    present: int
    absent: int
    missing: int


class BitFunctionality(BaseModel):
    """The bits of a code, with all numbers of figures 10 and 11; saved as JSON.

    Values are not normalised; the figures normalise them by minimum and maximum.

    Attributes:
        category_information: I_k^cat of k bits, equation 9 as computed by `separation`, in [-1, 1].
        attribute_information: I_k^attr of k bits, equation 10: the sum over attributes of |W_jk|.
        ones: Share of the images in which each of k bits is 1, in [0, 1].
        correlation: Of category and attribute information, over bits (figure 10).
        attributes: The p attributes.
        alignment_correlation: Of alignment and `shared`, over attributes (figure 11).
        images: Images with a category; only these take part.
        images_without_category: The other images.
        categories: Categories with an image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    category_information: tuple[float, ...]
    attribute_information: tuple[float, ...]
    ones: tuple[float, ...]
    correlation: Correlation
    attributes: tuple[AttributeFunctionality, ...]
    alignment_correlation: Correlation
    images: int
    images_without_category: int
    categories: int


def attribute_information(head: LinearHead) -> NDArray[np.float64]:
    """Returns I_k^attr of k bits (k,), equation 10: the sum over attributes of |W_jk|."""
    information: NDArray[np.float64] = np.abs(head.weight.astype(np.float64)).sum(axis=0)
    return information


def bit_functionality(
    bits: NDArray[np.bool_],
    categories: NDArray[np.int64],
    attributes: NDArray[np.int8],
    observed: NDArray[np.bool_],
    head: LinearHead,
) -> BitFunctionality:
    """Computes equations 9 to 11 and the correlations of section 4.2.4.

    Args:
        bits: (N, k) bool, the codes.
        categories: (N,) int64, negative if missing.
        attributes: (N, p) int8, 1 present, 0 absent.
        observed: (N, p) bool, False if the attribute label is missing.
        head: Predicts the p attributes from the k bits.

    Raises:
        DualhashError: The images with a category are of fewer than two categories.
    """
    labelled = categories >= 0
    bits, attributes, observed = bits[labelled], attributes[labelled], observed[labelled]
    left_out, categories = int((~labelled).sum()), categories[labelled]
    if len(np.unique(categories)) < 2:
        raise DualhashError(
            "Category information needs test images of at least two categories; there are "
            f"{len(categories)} images of {len(np.unique(categories))}."
        )
    category_information = separation(bits, categories)
    weights, information = np.abs(head.weight.astype(np.float64)), attribute_information(head)
    alignment = separation(attributes == 1, categories, observed)
    shared = [correlate(row, category_information).value for row in weights]
    present, absent = count_labels(attributes, observed)
    return BitFunctionality(
        category_information=tuple(category_information.tolist()),
        attribute_information=tuple(information.tolist()),
        ones=tuple(bits.mean(axis=0).tolist()),
        correlation=correlate(category_information, information),
        attributes=tuple(
            AttributeFunctionality(
                name=name,
                alignment=None if np.isnan(alignment[j]) else float(alignment[j]),
                shared=shared[j],
                present=int(present[j]),
                absent=int(absent[j]),
                missing=int(len(categories) - present[j] - absent[j]),
            )
            for j, name in enumerate(head.names)
        ),
        alignment_correlation=correlate(alignment, np.array(shared, np.float64)),
        images=len(categories),
        images_without_category=left_out,
        categories=len(np.unique(categories)),
    )
