import math

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import average_precision_score

from dualhash.evaluation import attribute_retrieval
from dualhash.evaluation.attribute_retrieval import (
    cvpr2017,
    ijcv2020,
    selection_precisions,
    selections,
)
from dualhash.evaluation.true_labels import TrueLabels
from tests.evaluation.random_codes import cases
from tests.oracles.evaluation import attribute_map_cvpr2017, attribute_map_ijcv2020


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(attribute_retrieval, "SELECTIONS_PER_BLOCK", 5)


def labels_of(attributes, observed=None):
    attributes = np.array(attributes, dtype=np.int8)
    observed = np.ones(attributes.shape, bool) if observed is None else np.array(observed, bool)
    return TrueLabels(np.zeros(len(attributes), np.int64), attributes, observed)


def one_draw(images):
    return np.ones((images, 1), dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_every_draw_matches_the_naive_oracle(case):
    for protocol, oracle in (
        (ijcv2020, attribute_map_ijcv2020),
        (cvpr2017, attribute_map_cvpr2017),
    ):
        found = protocol(case.probabilities, case.labels, case.weights).figures["attribute_map"]
        expected = [oracle(case.probabilities, case.labels, queries) for queries in case.draws()]
        np.testing.assert_allclose(found, expected)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_figures_do_not_depend_on_image_order(case):
    backwards = case.reversed()
    for protocol in (ijcv2020, cvpr2017):
        np.testing.assert_allclose(
            protocol(case.probabilities, case.labels, case.weights).figures["attribute_map"],
            protocol(backwards.probabilities, backwards.labels, backwards.weights).figures[
                "attribute_map"
            ],
        )


def test_hand_worked_example():
    # Images a to d have p = 0.9, 0.8, 0.4, 0.1 of one attribute; a, c have it, b, d have not.
    probabilities, labels = np.array([[0.9], [0.8], [0.4], [0.1]]), labels_of([[1], [0], [1], [0]])
    # a is predicted to have it: b, c, d; c is second, 1/2. So is b, wrongly: a, c, d; d third, 1/3.
    # c is predicted not to have it, wrongly: d, b, a; 1/3. So is d: c, b, a; 1/2.
    # With: (1/2 + 1/3) / 2. Without: the same.
    assert ijcv2020(probabilities, labels, one_draw(4)).figures["attribute_map"] == pytest.approx(
        5 / 12
    )


def test_combinations_have_equal_weight():
    # Three images have the attribute; the two without it have the highest probability. With it: the
    # other two follow the two wrong ones, (1/3 + 2/4) / 2 each. Without it: each is predicted to
    # have the attribute and finds the other first.
    probabilities = np.array([[0.7], [0.7], [0.7], [0.9], [0.9]])
    labels = labels_of([[1], [1], [1], [0], [0]])
    found = ijcv2020(probabilities, labels, one_draw(5)).figures["attribute_map"]
    assert found == pytest.approx((5 / 12 + 1) / 2)
    pooled = cvpr2017(probabilities, labels, one_draw(5)).figures["attribute_map"]
    assert pooled == pytest.approx((3 * 5 / 12 + 2 * 1) / 5)


def test_queries_without_relevant_images_by_protocol():
    probabilities, labels = np.array([[0.9], [0.8], [0.1]]), labels_of([[1], [1], [0]])
    left_out = ijcv2020(probabilities, labels, one_draw(3))
    assert left_out.figures["attribute_map"] == pytest.approx(1)
    assert left_out.counts["attribute_left_out_nothing_relevant"] == 1
    zero = cvpr2017(probabilities, labels, one_draw(3))
    assert zero.figures["attribute_map"] == pytest.approx(2 / 3)
    assert zero.counts["attribute_queries"] == 3
    assert zero.counts["attribute_left_out_nothing_relevant"] == 0


def test_a_probability_of_one_half_by_protocol():
    # Only the first image is a query. The others are predicted correctly.
    probabilities, labels = np.array([[0.5], [0.9], [0.1]]), labels_of([[1], [1], [0]])
    first_only = np.array([[1], [0], [0]], dtype=np.uint8)
    assert ijcv2020(probabilities, labels, first_only).figures["attribute_map"] == pytest.approx(
        1 / 2
    )
    assert cvpr2017(probabilities, labels, first_only).figures["attribute_map"] == pytest.approx(1)


def test_images_with_a_missing_label_are_left_out():
    probabilities = np.array([[0.9, 0.9], [0.95, 0.9], [0.9, 0.9], [0.2, 0.9]])
    labels = labels_of([[1, 1], [0, 1], [1, 1], [0, 1]], [[1, 1], [0, 1], [1, 1], [1, 1]])
    chosen = selections(2)
    precisions, combination = selection_precisions(
        chosen, probabilities, probabilities > 0.5, labels
    )
    np.testing.assert_array_equal(combination, [[1, -1, 1, 0], [1, 1, 1, 1], [3, -1, 3, 2]])
    np.testing.assert_allclose(precisions[:, 0], [1, 1, 1])
    np.testing.assert_array_equal(np.isnan(precisions[:, 1]), [True, False, True])


def test_selections_list_all_subsets_of_up_to_three():
    np.testing.assert_array_equal(
        selections(3),
        [[0, -1, -1], [1, -1, -1], [2, -1, -1], [0, 1, -1], [0, 2, -1], [1, 2, -1], [0, 1, 2]],
    )
    assert len(selections(30)) == 30 + 435 + 4060
    assert selections(0).shape == (0, 3)


def test_perfect_predictions_score_one():
    truth = np.random.default_rng(0).integers(2, size=(60, 4))
    found = ijcv2020(0.1 + 0.8 * truth, labels_of(truth), one_draw(60))
    assert found.figures["attribute_map"] == pytest.approx(1)
    assert found.counts["attribute_selections"] == 14


def test_matches_sklearn_without_ties():
    rng = np.random.default_rng(0)
    probabilities, truth = rng.random((200, 3)), rng.integers(2, size=(200, 3))
    found, _ = selection_precisions(
        selections(3)[-1:], probabilities, probabilities > 0.5, labels_of(truth)
    )
    for query in range(0, 200, 23):
        others = np.delete(np.arange(200), query)
        wanted = probabilities[query] > 0.5
        scores = np.where(wanted, probabilities, 1 - probabilities).prod(axis=1)[others]
        relevant = (truth[others] == truth[query]).all(axis=1)
        assert found[0, query] == pytest.approx(average_precision_score(relevant, scores))


def test_figures_without_attributes_are_nan():
    empty = TrueLabels(np.zeros(3, np.int64), np.zeros((3, 0), np.int8), np.zeros((3, 0), bool))
    for protocol in (ijcv2020, cvpr2017):
        measured = protocol(np.zeros((3, 0)), empty, one_draw(3))
        assert math.isnan(measured.figures["attribute_map"][0])


def test_progress_ends_at_one():
    shares = []
    ijcv2020(np.full((3, 4), 0.7), labels_of(np.ones((3, 4))), one_draw(3), shares.append)
    assert shares == [5 / 14, 10 / 14, 1.0]
