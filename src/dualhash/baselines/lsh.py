"""LSH: locality-sensitive hashing."""

import numpy as np

from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.hash_function import HashFunction
from dualhash.baselines.common.shallow_method import ShallowMethod


def fit_lsh(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Draws k Gaussian directions; bits are signs of the projections of centred features.

    Source: Gionis, Indyk and Motwani, VLDB 1999, in the form that comparisons of hashing use: the
    random hyperplanes of Charikar, STOC 2002. Deviation: features are centred, because most
    hyperplanes have all non-negative features on one side.
    """
    values = features.values
    directions = generator.standard_normal((values.shape[1], bits))
    return HashFunction.of_centred(directions, values.mean(axis=0))


LSH = ShallowMethod(title="LSH", paper="Gionis, Indyk and Motwani, VLDB", year=1999, fit=fit_lsh)
