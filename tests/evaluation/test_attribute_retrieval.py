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
    monkeypatch.setattr(attribute_retrieval, "BLOCK", 5)


def labels_of(attributes, observed=None):
    attributes = np.array(attributes, dtype=np.int8)
    observed = np.ones(attributes.shape, bool) if observed is None else np.array(observed, bool)
    return TrueLabels(np.zeros(len(attributes), np.int64), attributes, observed)


def one_draw(images):
    return np.ones((images, 1), dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_agrees_with_the_oracle_in_every_draw(case):
    for protocol, oracle in (
        (ijcv2020, attribute_map_ijcv2020),
        (cvpr2017, attribute_map_cvpr2017),
    ):
        found = protocol(case.probabilities, case.labels, case.weights).figures["attribute_map"]
        expected = [oracle(case.probabilities, case.labels, queries) for queries in case.draws()]
        np.testing.assert_allclose(found, expected)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_order_of_ids_does_not_matter(case):
    backwards = case.reversed()
    for protocol in (ijcv2020, cvpr2017):
        np.testing.assert_allclose(
            protocol(case.probabilities, case.labels, case.weights).figures["attribute_map"],
            protocol(backwards.probabilities, backwards.labels, backwards.weights).figures[
                "attribute_map"
            ],
        )


def test_literal():
    # Images a to d have p = 0.9, 0.8, 0.4, 0.1 of one attribute; a, c have it, b, d have not.
    probabilities, labels = np.array([[0.9], [0.8], [0.4], [0.1]]), labels_of([[1], [0], [1], [0]])
    # a asks for it: b, c, d; c is second, 1/2. b asks for it, wrongly: a, c, d; d is third, 1/3.
    # c asks for those without, wrongly: d, b, a; 1/3. d asks for those without: c, b, a; 1/2.
    # With: (1/2 + 1/3) / 2. Without: the same.
    assert ijcv2020(probabilities, labels, one_draw(4)).figures["attribute_map"] == pytest.approx(
        5 / 12
    )


def test_combinations_count_alike_however_many_queries_they_have():
    # Three with the attribute, told perfectly among themselves; two without that are told to be
    # the likeliest. With: the others behind the two wrong ones, (1/3 + 2/4) / 2 each. Without:
    # each asks for the attribute and finds its like first.
    probabilities = np.array([[0.7], [0.7], [0.7], [0.9], [0.9]])
    labels = labels_of([[1], [1], [1], [0], [0]])
    found = ijcv2020(probabilities, labels, one_draw(5)).figures["attribute_map"]
    assert found == pytest.approx((5 / 12 + 1) / 2)
    pooled = cvpr2017(probabilities, labels, one_draw(5)).figures["attribute_map"]
    assert pooled == pytest.approx((3 * 5 / 12 + 2 * 1) / 5)


def test_nothing_relevant_is_left_out_or_scores_zero():
    probabilities, labels = np.array([[0.9], [0.8], [0.1]]), labels_of([[1], [1], [0]])
    left_out = ijcv2020(probabilities, labels, one_draw(3))
    assert left_out.figures["attribute_map"] == pytest.approx(1)
    assert left_out.counts["attribute_left_out_nothing_relevant"] == 1
    zero = cvpr2017(probabilities, labels, one_draw(3))
    assert zero.figures["attribute_map"] == pytest.approx(2 / 3)
    assert zero.counts["attribute_queries"] == 3
    assert zero.counts["attribute_left_out_nothing_relevant"] == 0


def test_at_one_half_the_protocols_ask_for_opposites():
    # The first image asks; the others are told apart, and its like is told to have the attribute.
    probabilities, labels = np.array([[0.5], [0.9], [0.1]]), labels_of([[1], [1], [0]])
    asked = np.array([[1], [0], [0]], dtype=np.uint8)
    assert ijcv2020(probabilities, labels, asked).figures["attribute_map"] == pytest.approx(1 / 2)
    assert cvpr2017(probabilities, labels, asked).figures["attribute_map"] == pytest.approx(1)


def test_an_image_takes_no_part_where_a_label_is_missing():
    probabilities = np.array([[0.9, 0.9], [0.95, 0.9], [0.9, 0.9], [0.2, 0.9]])
    labels = labels_of([[1, 1], [0, 1], [1, 1], [0, 1]], [[1, 1], [0, 1], [1, 1], [1, 1]])
    chosen = selections(2)
    precisions, combination = selection_precisions(
        chosen, probabilities, probabilities > 0.5, labels
    )
    np.testing.assert_array_equal(combination, [[1, -1, 1, 0], [1, 1, 1, 1], [3, -1, 3, 2]])
    np.testing.assert_allclose(precisions[:, 0], [1, 1, 1])
    np.testing.assert_array_equal(np.isnan(precisions[:, 1]), [True, False, True])


def test_all_selections():
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


def test_agrees_with_sklearn_where_nothing_ties():
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


def test_without_attributes_no_figure_is_drawn():
    empty = TrueLabels(np.zeros(3, np.int64), np.zeros((3, 0), np.int8), np.zeros((3, 0), bool))
    for protocol in (ijcv2020, cvpr2017):
        measured = protocol(np.zeros((3, 0)), empty, one_draw(3))
        assert math.isnan(measured.figures["attribute_map"][0])


def test_progress_ends_at_one():
    shares = []
    ijcv2020(np.full((3, 4), 0.7), labels_of(np.ones((3, 4))), one_draw(3), shares.append)
    assert shares == [5 / 14, 10 / 14, 1.0]
