"""Attributes told from features by linear support vector machines."""

import numpy as np

from dualhash.baselines.attribute_units import padded, unit_head
from dualhash.baselines.features import Features, Report, no_report
from dualhash.baselines.hash_function import HashFunction
from dualhash.baselines.linear_svm import attribute_targets, linear_svms
from dualhash.baselines.shallow_method import ShallowMethod


def fit_svm_real(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """A linear SVM for each attribute; the sigmoid of its score is the attribute's probability.

    Source: Kumar, Belhumeur and Nayar, ECCV 2008, as section 4.3.2 of the paper reproduced here
    takes it: linear SVMs, scores to [0, 1] by the sigmoid. Both kinds of label weigh the same.
    Unit j of the outputs is the probability of attribute j, and so the bits are the predicted
    attributes; their number is what the attributes need, not `bits`.
    """
    weights = linear_svms(features.values, attribute_targets(features.labels), report=report)
    weights = weights.astype(np.float32)
    attributes = weights.shape[1]
    length = padded(attributes)
    weight = np.zeros((length, len(weights) - 1), np.float32)
    weight[:attributes] = weights[:-1].T
    bias = np.full(length, -1, np.float32)  # bits that stand for nothing are 0
    bias[:attributes] = weights[-1]
    return HashFunction(
        weight,
        bias,
        attribute_head=unit_head(attributes, length),
        attribute_units=tuple(range(attributes)),
    )


SVM_REAL = ShallowMethod(
    title="SVM-real",
    paper="Kumar, Belhumeur and Nayar, ECCV",
    year=2008,
    answers=frozenset({"attribute"}),
    labels="attribute",
    bits="one an attribute, and zeros up to a multiple of 8",
    fit=fit_svm_real,
)
