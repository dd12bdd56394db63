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
    """The cases have six images, so cutoffs up to 100 would test nothing."""
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
def test_every_draw_matches_the_naive_oracle(case):
    truth = (case.codes, case.probabilities, case.labels)
    found = ijcv2020(case.codes, case.probabilities, case.labels, case.weights).figures
    assert len(found) == 12
    for k in (1, 2, 4):
        for absent in (False, True):
            for capped in (False, True):
                name = "combined_" + "absent_" * absent + "capped_" * capped + f"recall_at_{k}"
                expected = [
                    combined_recalls(*truth, queries, k, capped=capped, absent=absent)
                    for queries in case.draws()
                ]
                np.testing.assert_allclose(found[name], expected, err_msg=name)
    found = cvpr2017(case.codes, case.probabilities, case.labels, case.weights).figures
    for k in (1, 2, 4):
        expected = [combined_recall_cvpr2017(*truth, queries, k) for queries in case.draws()]
        np.testing.assert_allclose(found[f"combined_recall_at_{k}"], expected)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_figures_do_not_depend_on_image_order(case):
    back = case.reversed()
    for protocol in (ijcv2020, cvpr2017):
        forwards = protocol(case.codes, case.probabilities, case.labels, case.weights).figures
        backwards = protocol(back.codes, back.probabilities, back.labels, back.weights).figures
        for name, values in forwards.items():
            np.testing.assert_allclose(values, backwards[name], err_msg=name)


def test_hand_worked_example():
    # One category and one attribute. The query a and e do not have it; b, c, d have it.
    codes = bits("0000", "0001", "0010", "0111", "0000")
    labels = labels_of([0] * 5, [[0], [1], [1], [1], [0]])
    # c is predicted not to have it and is filtered out; e is predicted to have it and is nearest.
    probabilities = np.array([[0.2], [0.8], [0.3], [0.5], [0.9]])
    only_a = np.array([[1], [0], [0], [0], [0]], dtype=np.uint8)
    found = ijcv2020(codes, probabilities, labels, only_a).figures
    # Of the three relevant b, c, d: e, b, d come up in this order.
    assert found["combined_recall_at_1"] == 0
    assert found["combined_recall_at_2"] == pytest.approx(1 / 3)
    assert found["combined_recall_at_4"] == pytest.approx(2 / 3)
    assert found["combined_capped_recall_at_2"] == pytest.approx(1 / 2)
    assert found["combined_absent_recall_at_4"] == pytest.approx(2 / 3)


def test_ties_at_the_cutoff_count_in_expectation():
    codes = bits("0000", "0001", "0010", "0100")
    labels = labels_of([0, 0, 1, 1], [[1], [1], [1], [1]])
    only_first = np.array([[1], [0], [0], [0]], dtype=np.uint8)
    found = ijcv2020(codes, np.ones((4, 1)), labels, only_first).figures
    assert found["combined_recall_at_1"] == pytest.approx(1 / 3)
    assert found["combined_recall_at_2"] == pytest.approx(2 / 3)
    assert found["combined_recall_at_4"] == pytest.approx(1)


def test_attributes_have_equal_weight():
    # All have the first attribute and find the other two. Two have the second, which is predicted
    # for none: recall 1 for three queries and 0 for three.
    labels = labels_of([0, 0, 0], [[1, 1], [1, 1], [1, 0]])
    probabilities = np.array([[0.9, 0.1]] * 3)
    found = ijcv2020(bits("00", "00", "00"), probabilities, labels, one_draw(3))
    assert found.figures["combined_recall_at_2"] == pytest.approx(1 / 2)
    assert found.figures["combined_absent_recall_at_2"] == pytest.approx(0)
    assert found.counts == {
        "combined_queries": 6,
        "combined_left_out_missing_label": 0,
        "combined_left_out_nothing_relevant": 0,
        "combined_attributes": 2,
        "combined_absent_queries": 1,
        "combined_absent_attributes": 1,
    }


def test_images_with_missing_labels_are_left_out():
    # Category and label known and alike; no category; no label; alone in its category.
    labels = labels_of([0, 0, -1, 0, 1], [[1]] * 5, [[1], [1], [1], [0], [1]])
    measured = ijcv2020(bits("00", "01", "00", "00", "00"), np.ones((5, 1)), labels, one_draw(5))
    assert measured.counts["combined_queries"] == 2
    assert measured.counts["combined_left_out_missing_label"] == 2
    assert measured.counts["combined_left_out_nothing_relevant"] == 1
    # The images without a category or label are not ranked.
    assert measured.figures["combined_recall_at_2"] == 1


def test_cvpr2017_filter_keeps_images_without_the_attribute():
    # The query does not have the attribute, the other image has it and is relevant. The filter
    # removes it if it is predicted correctly, and keeps it if not.
    labels, codes = labels_of([0, 0], [[0], [1]]), bits("00", "00")
    only_first = np.array([[1], [0]], dtype=np.uint8)
    right = cvpr2017(codes, np.array([[0.1], [0.9]]), labels, only_first).figures
    wrong = cvpr2017(codes, np.array([[0.1], [0.2]]), labels, only_first).figures
    assert right["combined_recall_at_1"] == 0
    assert wrong["combined_recall_at_1"] == 1


def test_cvpr2017_queries_are_predicted_absent():
    labels, codes = labels_of([0, 0], [[0], [1]]), bits("00", "00")
    measured = cvpr2017(codes, np.array([[0.1], [0.9]]), labels, one_draw(2))
    assert measured.counts["combined_queries"] == 1
