import numpy as np
import pytest
from hypothesis import given, settings

from dualhash.evaluation.harmonic_mean import average_harmonic_mean
from dualhash.evaluation.true_labels import TrueLabels
from tests.evaluation.random_codes import cases
from tests.oracles import evaluation as oracle


def labels_of(attributes, observed):
    attributes = np.array(attributes, dtype=np.int8)
    return TrueLabels(np.zeros(len(attributes), np.int64), attributes, np.array(observed, bool))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_every_draw_matches_the_naive_oracle(case):
    found = average_harmonic_mean(case.probabilities, case.labels, case.weights).figures["avg_hm"]
    expected = [
        oracle.average_harmonic_mean(case.probabilities, case.labels, queries)
        for queries in case.draws()
    ]
    np.testing.assert_allclose(found, expected)


def test_hand_worked_example():
    # First: TPR 1/2 (0.5 counts as predicted), TNR 1, the unlabelled one takes no part: 2/3.
    # Second: TPR 0 and TNR 0. Third: no positive.
    probabilities = np.array([[0.5, 0.1, 0.1], [0.4, 0.2, 0.1], [0.3, 0.9, 0.2], [0.9, 0.8, 0.3]])
    labels = labels_of(
        [[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]],
        [[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 1, 1]],
    )
    weights = np.ones((4, 1), np.uint8)
    # Harmonic means 2/3 and 0; the third attribute has none.
    measured = average_harmonic_mean(probabilities, labels, weights)
    assert measured.figures["avg_hm"] == pytest.approx(1 / 3)
    assert measured.figures["avg_tpr"] == pytest.approx(1 / 4)
    assert measured.figures["avg_tnr"] == pytest.approx(1 / 2)
    # Precision: 1 of 1 predicted, 0 of 2, and none predicted.
    assert measured.figures["avg_precision"] == pytest.approx(1 / 2)
    assert measured.counts == {"hm_attributes": 2, "hm_attributes_left_out": 1}
