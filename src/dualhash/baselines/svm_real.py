"""SVM-real: attributes predicted from features by linear support vector machines."""

import numpy as np

from dualhash.baselines.common.features import Features, Report, no_report
from dualhash.baselines.common.hash_function import HashFunction
from dualhash.baselines.common.linear_svm import attribute_targets, linear_svms
from dualhash.baselines.common.one_bit_per_attribute import padded, unit_head
from dualhash.baselines.common.shallow_method import ShallowMethod


def fit_svm_real(
    features: Features, bits: int, generator: np.random.Generator, report: Report = no_report
) -> HashFunction:
    """Fits a linear SVM per attribute; the sigmoid of its score is the attribute's probability.

    Source: Kumar, Belhumeur and Nayar, ECCV 2008, in the form of section 4.3.2 of the paper
    reproduced here: linear SVMs, and a sigmoid that maps scores to [0, 1]. Both values of an
    attribute weigh the same. Output j is the probability of attribute j, so bit j is the predicted
    attribute. The number of attributes sets the length of the code; `bits` is ignored.
    """
    weights = linear_svms(features.values, attribute_targets(features.labels), report=report)
    weights = weights.astype(np.float32)
    attributes = weights.shape[1]
    length = padded(attributes)
    weight = np.zeros((length, len(weights) - 1), np.float32)
    weight[:attributes] = weights[:-1].T
    bias = np.full(length, -1, np.float32)  # unused bits are 0
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
    bits="one per attribute, padded with zeros to a multiple of 8",
    fit=fit_svm_real,
)
