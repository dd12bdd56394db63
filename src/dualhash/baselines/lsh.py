"""Locality-sensitive hashing."""

import numpy as np

from dualhash.baselines.features import Features, Report, no_report
from dualhash.baselines.hash_function import HashFunction
from dualhash.baselines.shallow_method import ShallowMethod


def fit_lsh(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Signs of centred features on k directions drawn from a Gaussian.

    Source: Gionis, Indyk and Motwani, VLDB 1999, in the form that comparisons of hashing take: the
    random hyperplanes of Charikar, STOC 2002. Deviation: features are centred, without which
    non-negative features fall on one side of most hyperplanes.
    """
    values = features.values
    directions = generator.standard_normal((values.shape[1], bits))
    return HashFunction.of_centred(directions, values.mean(axis=0))


LSH = ShallowMethod(title="LSH", paper="Gionis, Indyk and Motwani, VLDB", year=1999, fit=fit_lsh)
