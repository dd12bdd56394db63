import numpy as np
import pytest

from dualhash.evaluation.true_labels import TrueLabels
from dualhash.training import thresholds
from dualhash.training.thresholds import (
    attribute_thresholds,
    balanced_threshold,
    precision_curve,
)


def test_balanced_threshold_hand_worked_example():
    """Between 0.4 and 0.6, both rates are 2/3."""
    p = np.array([0.9, 0.6, 0.3, 0.7, 0.4, 0.1])
    present = np.array([True, True, True, False, False, False])
    assert balanced_threshold(p, present, 0.2) == pytest.approx(0.5)


@pytest.mark.parametrize("present", [[True, True], [False, False], []])
def test_without_both_labels_the_usual_threshold_is_balanced(present: list[bool]):
    p = np.linspace(0, 1, len(present))
    assert balanced_threshold(p, np.array(present, bool), 0.2) == 0.2


def test_precision_curve_hand_worked_example(monkeypatch: pytest.MonkeyPatch):
    """By descending probability right, right, wrong, right: precisions 1, 1, 2/3 and 3/4."""
    monkeypatch.setattr(thresholds, "FEWEST", 1)
    monkeypatch.setattr(thresholds, "PRECISIONS", (0.5, 0.7, 0.9))
    p, right = np.array([0.2, 0.8, 0.4, 0.6]), np.array([True, True, False, True])
    curve = precision_curve(p, right)
    assert curve.precision == (0.75, 1)
    assert curve.threshold == pytest.approx([0.2, 0.5])
    assert curve.recall == pytest.approx([1, 0.6667])


def test_a_threshold_has_at_least_the_precision_of_its_point():
    rng = np.random.default_rng(0)
    p = rng.random(500).round(2)
    right = rng.random(500) < p
    curve = precision_curve(p, right)
    assert list(curve.precision) == sorted(curve.precision)
    assert list(curve.threshold) == sorted(curve.threshold)
    assert list(curve.recall) == sorted(curve.recall, reverse=True)
    for precision, threshold, recall in zip(
        curve.precision, curve.threshold, curve.recall, strict=True
    ):
        above = p >= threshold
        assert above.sum() >= thresholds.FEWEST
        assert right[above].mean() == pytest.approx(precision, abs=1e-4)
        assert right[above].sum() / right.sum() == pytest.approx(recall, abs=1e-4)


def test_few_images_give_no_curve():
    nine = np.linspace(0, 1, 9)
    assert precision_curve(nine, nine > 0.5).precision == ()
    many = np.linspace(0, 1, 90)
    assert precision_curve(many, np.zeros(90, bool)).precision == ()


def test_missing_labels_do_not_count():
    rng = np.random.default_rng(0)
    p = rng.random((60, 2))
    attributes = (rng.random((60, 2)) < p).astype(np.int8)
    observed = np.ones((60, 2), bool)
    observed[40:, 0] = False
    labels = TrueLabels(np.zeros(60, np.int64), attributes, observed)
    found = attribute_thresholds(("red", "new"), p, labels, np.array([0.5, 0.5]))
    seen = TrueLabels(np.zeros(40, np.int64), attributes[:40], observed[:40])
    assert found["red"] == attribute_thresholds(("red",), p[:40], seen, np.array([0.5]))["red"]
    assert found["new"].absent == precision_curve(1 - p[:, 1], attributes[:, 1] == 0)
