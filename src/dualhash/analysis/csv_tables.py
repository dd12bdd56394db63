"""An analysis as tables, for other programs."""

import numpy as np
import polars as pl

from dualhash.analysis.analyse import Analysis
from dualhash.analysis.correlation import min_max

STRONGEST = 5
"""Number of bits listed for an attribute, and of attributes listed for a bit."""


def bit_table(analysis: Analysis) -> pl.DataFrame:
    """One row for each bit: figure 10, how often it is 1, and its strongest attributes.

    Without attributes, the columns about them are left out.
    """
    found = analysis.functionality
    category, attribute = found.category_information, found.attribute_information
    strongest = np.argsort(-np.abs(analysis.attributions), axis=0, kind="stable")[:STRONGEST]
    table = pl.DataFrame(
        {
            "bit": range(len(category)),
            "category_information": category,
            "category_information_normalised": min_max(np.array(category)),
            "attribute_information": attribute,
            "attribute_information_normalised": min_max(np.array(attribute)),
            "ones": found.ones,
            "strongest_attributes": [
                ", ".join(analysis.head.names[j] for j in column) for column in strongest.T
            ],
        }
    )
    return table if analysis.head.names else table.select(pl.exclude("^.*attribute.*$"))


def attribute_table(analysis: Analysis) -> pl.DataFrame:
    """One row for each attribute: figure 11, its labels, and its strongest bits."""
    found = analysis.functionality.attributes
    alignment = np.array([attribute.alignment for attribute in found], np.float64)
    strongest = np.argsort(-np.abs(analysis.attributions), axis=1, kind="stable")[:, :STRONGEST]
    return pl.DataFrame(
        {
            "attribute": [attribute.name for attribute in found],
            "alignment": alignment,
            "alignment_normalised": min_max(alignment),
            "shared": np.array([attribute.shared for attribute in found], np.float64),
            "present": [attribute.present for attribute in found],
            "absent": [attribute.absent for attribute in found],
            "missing": [attribute.missing for attribute in found],
            "bits_of_half_the_weight": half_weight(analysis),
            "best_label_correlation": best_correlations(analysis),
            "strongest_bits": [", ".join(map(str, row)) for row in strongest],
        }
    ).fill_nan(None)


def attribution_table(analysis: Analysis) -> pl.DataFrame:
    """One row for each attribute and bit: weight, attribution and correlation with the labels."""
    names, bits = analysis.head.names, analysis.attributions.shape[1]
    return pl.DataFrame(
        {
            "attribute": np.repeat(names, bits),
            "bit": np.tile(np.arange(bits), len(names)),
            "weight": analysis.head.weight.ravel(),
            "attribution": analysis.attributions.ravel(),
            "label_correlation": analysis.correlations.ravel(),
        }
    ).fill_nan(None)


def half_weight(analysis: Analysis) -> list[int]:
    """For each attribute, the fewest bits that have half of the sum of its absolute weights."""
    heaviest = -np.sort(-np.abs(analysis.attributions), axis=1)
    reached = np.cumsum(heaviest, axis=1) >= heaviest.sum(axis=1, keepdims=True) / 2
    counts: list[int] = (reached.argmax(axis=1) + 1).tolist()
    return counts


def best_correlations(analysis: Analysis) -> list[float]:
    """For each attribute, the largest |correlation| of a single bit; NaN if none is defined."""
    sizes = np.abs(analysis.correlations)
    best = np.nanmax(sizes, axis=1, initial=-1.0)
    found: list[float] = np.where(best < 0, np.nan, best).tolist()
    return found
