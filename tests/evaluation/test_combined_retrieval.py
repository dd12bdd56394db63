import numpy as np
import pytest
from hypothesis import given, settings

from dualhash.evaluation import combined_retrieval
from dualhash.evaluation.combined_retrieval import cvpr2017, ijcv2020
from dualhash.evaluation.true_labels import TrueLabels
from tests.evaluation.random_codes import cases
from tests.oracles.evaluation import combined_recall_cvpr2017, combined_recalls


@pytest.fixture(autouse=True)
def small_cutoffs(monkeypatch):
    """The cases have six images, so ranks up to 100 would tell nothing."""
    monkeypatch.setattr(combined_retrieval, "CUTOFFS", (1, 2, 4))


def one_draw(images):
    return np.ones((images, 1), dtype=np.uint8)


def bits(*rows):
    return np.array([[c == "1" for c in row] for row in rows])


def labels_of(categories, attributes, observed=None):
    attributes = np.array(attributes, dtype=np.int8)
    observed = np.ones(attributes.shape, bool) if observed is None else np.array(observed, bool)
    return TrueLabels(np.array(categories), attributes, observed)


@settings(max_examples=40, deadline=None)
@given(cases() | cases(real=True))
def test_agrees_with_the_oracle_in_every_draw(case):
    truth = (case.codes, case.probabilities, case.labels)
    found = ijcv2020(case.codes, case.probabilities, case.labels, case.weights).figures
    assert len(found) == 12
    for k in (1, 2, 4):
        for lacking in (False, True):
            for capped in (False, True):
                name = "combined_" + "lacking_" * lacking + "capped_" * capped + f"recall_at_{k}"
                expected = [
                    combined_recalls(*truth, queries, k, capped=capped, lacking=lacking)
                    for queries in case.draws()
                ]
                np.testing.assert_allclose(found[name], expected, err_msg=name)
    found = cvpr2017(case.codes, case.probabilities, case.labels, case.weights).figures
    for k in (1, 2, 4):
        expected = [combined_recall_cvpr2017(*truth, queries, k) for queries in case.draws()]
        np.testing.assert_allclose(found[f"combined_recall_at_{k}"], expected)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_order_of_ids_does_not_matter(case):
    back = case.reversed()
    for protocol in (ijcv2020, cvpr2017):
        forwards = protocol(case.codes, case.probabilities, case.labels, case.weights).figures
        backwards = protocol(back.codes, back.probabilities, back.labels, back.weights).figures
        for name, values in forwards.items():
            np.testing.assert_allclose(values, backwards[name], err_msg=name)


def test_literal():
    # One category and one attribute. The query a lacks it; b, c, d have it, e does not.
    codes = bits("0000", "0001", "0010", "0111", "0000")
    labels = labels_of([0] * 5, [[0], [1], [1], [1], [0]])
    # c is told not to have it and is filtered out; e is told to have it and is the nearest.
    probabilities = np.array([[0.2], [0.8], [0.3], [0.5], [0.9]])
    only_a = np.array([[1], [0], [0], [0], [0]], dtype=np.uint8)
    found = ijcv2020(codes, probabilities, labels, only_a).figures
    # Of the three relevant b, c, d: e, b, d come up in this order.
    assert found["combined_recall_at_1"] == 0
    assert found["combined_recall_at_2"] == pytest.approx(1 / 3)
    assert found["combined_recall_at_4"] == pytest.approx(2 / 3)
    assert found["combined_capped_recall_at_2"] == pytest.approx(1 / 2)
    assert found["combined_lacking_recall_at_4"] == pytest.approx(2 / 3)


def test_the_group_that_crosses_a_rank_counts_by_chance():
    codes = bits("0000", "0001", "0010", "0100")
    labels = labels_of([0, 0, 1, 1], [[1], [1], [1], [1]])
    only_first = np.array([[1], [0], [0], [0]], dtype=np.uint8)
    found = ijcv2020(codes, np.ones((4, 1)), labels, only_first).figures
    assert found["combined_recall_at_1"] == pytest.approx(1 / 3)
    assert found["combined_recall_at_2"] == pytest.approx(2 / 3)
    assert found["combined_recall_at_4"] == pytest.approx(1)


def test_attributes_count_alike_however_many_queries_they_have():
    # All have the first attribute and find the other two; only two have the second, which is
    # told of none: recall 1 for three queries and 0 for three.
    labels = labels_of([0, 0, 0], [[1, 1], [1, 1], [1, 0]])
    probabilities = np.array([[0.9, 0.1]] * 3)
    found = ijcv2020(bits("00", "00", "00"), probabilities, labels, one_draw(3))
    assert found.figures["combined_recall_at_2"] == pytest.approx(1 / 2)
    assert found.figures["combined_lacking_recall_at_2"] == pytest.approx(0)
    assert found.counts == {
        "combined_queries": 6,
        "combined_left_out_missing_label": 0,
        "combined_left_out_nothing_relevant": 0,
        "combined_attributes": 2,
        "combined_lacking_queries": 1,
        "combined_lacking_attributes": 1,
    }


def test_who_is_left_out():
    # Category and label known and alike; no category; no label; alone in its category.
    labels = labels_of([0, 0, -1, 0, 1], [[1]] * 5, [[1], [1], [1], [0], [1]])
    measured = ijcv2020(bits("00", "01", "00", "00", "00"), np.ones((5, 1)), labels, one_draw(5))
    assert measured.counts["combined_queries"] == 2
    assert measured.counts["combined_left_out_missing_label"] == 2
    assert measured.counts["combined_left_out_nothing_relevant"] == 1
    # The image that lacks the category and the one that lacks the label are no distractors: of
    # the two that remain, one is at distance 0 from the first and one from neither.
    assert measured.figures["combined_recall_at_2"] == 1


def test_the_released_filter_keeps_the_wrong_side():
    # A query without the attribute wants its like with it; told rightly, that one is thrown out,
    # told wrongly, it is kept.
    labels, codes = labels_of([0, 0], [[0], [1]]), bits("00", "00")
    only_first = np.array([[1], [0]], dtype=np.uint8)
    right = cvpr2017(codes, np.array([[0.1], [0.9]]), labels, only_first).figures
    wrong = cvpr2017(codes, np.array([[0.1], [0.2]]), labels, only_first).figures
    assert right["combined_recall_at_1"] == 0
    assert wrong["combined_recall_at_1"] == 1


def test_cvpr2017_queries_are_predicted_not_to_have_the_attribute():
    labels, codes = labels_of([0, 0], [[0], [1]]), bits("00", "00")
    measured = cvpr2017(codes, np.array([[0.1], [0.9]]), labels, one_draw(2))
    assert measured.counts["combined_queries"] == 1
