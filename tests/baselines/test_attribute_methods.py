"""What holds for the shallow methods that answer by attributes."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dualhash.baselines.common.features import Features
from dualhash.baselines.common.hash_function import HashFunction
from dualhash.baselines.common.one_bit_per_attribute import padded, unit_head
from dualhash.baselines.jlbc import JLBC
from dualhash.baselines.svm_binary import fit_svm_binary
from dualhash.baselines.svm_real import SVM_REAL
from tests.baselines.digits_data import digits, mean_average_precision


def areas(scores: np.ndarray, features: Features) -> list[float]:
    """Area under the ROC curve of each attribute, where it is known."""
    _, attributes, observed = features.labels
    return [
        roc_auc_score(attributes[known, j], scores[known, j]) for j, known in enumerate(observed.T)
    ]


def codes_of(function: HashFunction, values: np.ndarray) -> np.ndarray:
    return (function.outputs(values) > 0.5).astype(np.float32)


def test_svm_real_units_are_probabilities_of_attributes():
    train, test = digits()
    function = SVM_REAL.fit(train, 256, np.random.default_rng(0))
    outputs = function.outputs(test.values)
    assert outputs.shape == (len(test.values), 8)
    assert min(areas(outputs[:, :2], test)) > 0.9
    assert (outputs[:, 2:] < 0.5).all()


def test_svm_real_bits_are_predicted_attributes():
    train, test = digits()
    function = SVM_REAL.fit(train, 256, np.random.default_rng(0))
    outputs = function.outputs(test.values)
    probabilities = function.attribute_head.probabilities(outputs > 0.5)
    np.testing.assert_array_equal(probabilities > 0.5, outputs[:, :2] > 0.5)


def test_svm_binary_reads_attributes_from_bits():
    train, test = digits()
    columns = np.random.default_rng(0).standard_normal((64, 32))
    bits = [(f.values @ columns > 0).astype(np.float32) for f in (train, test)]
    head = fit_svm_binary(Features(bits[0], train.labels))
    assert head.weight.shape == (2, 32)
    assert min(areas(head.scores(bits[1]), test)) > 0.8


def test_jlbc_codes_predict_categories_and_attributes():
    train, test = digits()
    function = JLBC.fit(train, 16, np.random.default_rng(0))
    bits = codes_of(function, test.values)
    assert mean_average_precision(bits > 0.5, test) > 0.6
    assert min(areas(function.attribute_head.scores(bits), test)) > 0.8


@pytest.mark.parametrize(("attributes", "bits"), [(0, 8), (1, 8), (8, 8), (9, 16), (32, 32)])
def test_lengths_are_multiples_of_8(attributes: int, bits: int):
    assert padded(attributes) == bits


def test_a_unit_head_reads_one_bit_for_each_attribute():
    head = unit_head(2, 8, first=3)
    bits = np.zeros((1, 8))
    bits[0, 4] = 1
    np.testing.assert_array_equal(head.probabilities(bits) > 0.5, [[False, True]])
