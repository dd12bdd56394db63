import numpy as np
import pytest

from dualhash.evaluation.bootstrap import query_weights
from dualhash.evaluation.calibration import (
    attribute_reliability,
    calibration_errors,
    category_confidence,
    category_reliability,
    reliability,
)
from dualhash.evaluation.true_labels import TrueLabels
from tests.oracles import evaluation as oracle

ONCE = query_weights(4, 0, np.random.default_rng(0))


def test_reliability_hand_worked_example():
    """Four predictions, a bin each: the differences are 0.1, 0.7, 0.4 and 0.2."""
    diagram = reliability(np.array([0.8, 0.1, 0.6, 0.7]), np.array([1, 0, 1, 0]))
    assert diagram is not None
    assert diagram.probability == (0.1, 0.6, 0.7, 0.8)
    assert diagram.share == (0, 1, 0, 1)
    assert diagram.count == (1, 1, 1, 1)
    assert diagram.error == pytest.approx((0.1 + 0.4 + 0.7 + 0.2) / 4)


def test_equal_probabilities_count_with_their_mean_outcome():
    diagram = reliability(np.full(40, 0.25), np.arange(40) < 10)
    assert diagram is not None
    assert diagram.error == pytest.approx(0)
    assert diagram.share == pytest.approx([0.25] * 15)


def test_there_is_no_diagram_without_predictions():
    none = np.empty(0)
    assert reliability(none, none.astype(bool)) is None
    unlabelled = TrueLabels(np.full(2, -1), np.zeros((2, 1), np.int8), np.zeros((2, 1), bool))
    assert attribute_reliability(np.zeros((2, 1)), unlabelled) is None
    assert category_reliability(np.zeros((2, 3)), unlabelled) is None
    assert category_reliability(np.zeros((2, 0)), unlabelled) is None
    assert np.isnan(
        calibration_errors(np.zeros((4, 1)), np.zeros((4, 1)), np.zeros((4, 1), bool), ONCE)
    )


@pytest.mark.parametrize("n", [1, 14, 15, 16, 400])
def test_the_error_matches_the_slow_reference(n: int):
    rng = np.random.default_rng(n)
    p, outcomes = rng.random(n).round(2), rng.random(n) < 0.4
    diagram = reliability(p, outcomes)
    assert diagram is not None
    assert diagram.error == pytest.approx(oracle.expected_calibration_error(p, outcomes, 15))
    assert sum(diagram.count) == n


def test_the_order_of_the_images_has_no_influence():
    rng = np.random.default_rng(0)
    p, outcomes = rng.random(300).round(1), rng.random(300) < 0.5
    shuffled = rng.permutation(300)
    one, other = reliability(p, outcomes), reliability(p[shuffled], outcomes[shuffled])
    assert one is not None
    assert other is not None
    assert one.error == pytest.approx(other.error)


def test_the_figure_is_the_error_of_the_labelled_predictions():
    rng = np.random.default_rng(1)
    p, outcomes = rng.random((50, 3)), rng.integers(0, 2, (50, 3)).astype(np.int8)
    observed = rng.random((50, 3)) < 0.7
    weights = query_weights(50, 20, rng)
    draws = calibration_errors(p, outcomes, observed, weights)
    diagram = attribute_reliability(p, TrueLabels(np.zeros(50, np.int64), outcomes, observed))
    assert diagram is not None
    assert draws.shape == (21,)
    assert draws[0] == pytest.approx(diagram.error)
    assert np.all((draws >= 0) & (draws <= 1))


def test_confidence_is_the_largest_probability_of_a_category():
    scores = np.log([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
    confidence, right = category_confidence(scores, np.array([1, 2]))
    assert confidence == pytest.approx([0.5, 0.6])
    assert right.tolist() == [True, False]
