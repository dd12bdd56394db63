import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualhash.evaluation import weighted_retrieval
from dualhash.evaluation.bootstrap import query_weights
from dualhash.evaluation.combined_retrieval import ijcv2020
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.evaluation.weighted_retrieval import (
    WEIGHTS,
    choose_attribute_weight,
    weighted_recalls,
)
from tests.evaluation.random_codes import Case, cases
from tests.oracles import evaluation as oracle


def scores_of(case: Case) -> np.ndarray:
    return np.log(case.probabilities / (1 - case.probabilities))


@given(cases(), st.sampled_from([(1, 2, 3), (2, 9)]))
def test_recalls_match_sorted_rankings(case: Case, cutoffs: tuple[int, ...]):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighted_retrieval, "CUTOFFS", cutoffs)
        found = weighted_recalls(case.codes, scores_of(case), case.labels, [0, 0.7, 9])
    expected = [
        oracle.weighted_recall(case.codes, scores_of(case), case.labels, weight, cutoffs)
        for weight in (0, 0.7, 9)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@given(cases(), st.sampled_from([(1, 2, 3), (2, 9)]), st.sampled_from([0, 0.7, 9]))
def test_figures_match_sorted_rankings(case: Case, cutoffs: tuple[int, ...], weight: float):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighted_retrieval, "CUTOFFS", cutoffs)
        patch.setattr(weighted_retrieval, "MOST_QUERIES", 3)
        ones = np.ones((len(case.codes), 1), np.uint8)
        found = weighted_retrieval.ijcv2020(
            case.codes, case.probabilities, case.labels, ones, weight=weight
        ).figures
    expected = [
        oracle.weighted_recall(case.codes, scores_of(case), case.labels, weight, [cutoff])
        for cutoff in cutoffs
    ]
    assert list(found) == [f"weighted_recall_at_{cutoff}" for cutoff in cutoffs]
    np.testing.assert_allclose([value[0] for value in found.values()], expected, rtol=1e-9)


def test_equal_probabilities_give_the_recall_without_a_filter():
    bits, scores, labels = made_up(300)
    weights = query_weights(300, 20, np.random.default_rng(0))
    chance = np.full(scores.shape, 0.5)
    found = weighted_retrieval.ijcv2020(bits, chance, labels, weights, weight=4.0).figures
    kept = ijcv2020(bits, np.ones(scores.shape), labels, weights).figures
    for cutoff in weighted_retrieval.CUTOFFS:
        ranked, filtered = (
            found[f"weighted_recall_at_{cutoff}"],
            kept[f"combined_recall_at_{cutoff}"],
        )
        np.testing.assert_allclose(ranked, filtered, atol=0.02)  # ties apart


def test_images_of_probability_zero_are_ranked_last():
    """Image 1 lacks the attribute for certain and is as near as can be; image 2 is as far."""
    bits = np.array([[0] * 16, [0] * 16, [1] * 16], bool)
    labels = TrueLabels(np.zeros(3, int), np.array([[0], [0], [1]], np.int8), np.ones((3, 1), bool))
    probabilities = np.array([[0.5], [0.0], [1e-300]])
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="raise"):
        patch.setattr(weighted_retrieval, "CUTOFFS", (1, 2))
        ones = np.ones((3, 1), np.uint8)
        found = weighted_retrieval.ijcv2020(bits, probabilities, labels, ones, weight=0.25).figures
    assert {name: value[0] for name, value in found.items()} == {
        "weighted_recall_at_1": 0.5,  # image 0 finds image 2, image 1 finds image 0 first
        "weighted_recall_at_2": 1.0,
    }


def made_up(images: int) -> tuple[np.ndarray, np.ndarray, TrueLabels]:
    """Codes that depend on the category, scores that depend on the attribute, both with errors."""
    rng = np.random.default_rng(0)
    categories, having = rng.integers(0, 8, images), rng.integers(0, 2, (images, 2))
    bits = (rng.random((8, 32)) < 0.5)[categories] ^ (rng.random((images, 32)) < 0.2)
    scores = 4 * having - 2 + rng.normal(0, 2, having.shape)
    labels = TrueLabels(categories, having.astype(np.int8), np.ones(having.shape, bool))
    return bits, scores, labels


def test_the_chosen_weight_has_the_best_recall():
    bits, scores, labels = made_up(400)
    chosen = choose_attribute_weight(bits, scores, labels)
    assert 0 < chosen < WEIGHTS[-1]
    weights = (0.0, *WEIGHTS)
    recalls = dict(zip(weights, weighted_recalls(bits, scores, labels, weights), strict=True))
    assert recalls[chosen] == max(recalls.values()) > recalls[0]
    filtered = ijcv2020(bits, 1 / (1 + np.exp(-scores)), labels, np.ones((400, 1)))
    hard = [
        filtered.figures[f"combined_recall_at_{cutoff}"][0] for cutoff in weighted_retrieval.CUTOFFS
    ]
    assert recalls[chosen] > np.mean(hard)


def test_subsampled_queries_give_nearly_the_same_recall(monkeypatch: pytest.MonkeyPatch):
    bits, scores, labels = made_up(400)
    every = weighted_recalls(bits, scores, labels, [2.0])
    monkeypatch.setattr(weighted_retrieval, "MOST_QUERIES", 100)
    some = weighted_recalls(bits, scores, labels, [2.0])
    assert some != every
    assert some == pytest.approx(every, abs=0.05)


def test_no_weight_is_chosen_without_queries():
    bits, scores, labels = made_up(20)
    nothing = labels._replace(categories=np.full(20, -1))
    assert np.isnan(choose_attribute_weight(bits, scores, nothing))
    assert np.isnan(
        choose_attribute_weight(
            bits, scores[:, :0], TrueLabels(labels[0], *(x[:, :0] for x in labels[1:]))
        )
    )


def test_no_weight_is_chosen_from_few_queries_or_equal_recalls():
    bits, scores, labels = made_up(12)
    assert np.isnan(choose_attribute_weight(bits, scores, labels))
    bits, scores, labels = made_up(400)
    assert np.isnan(choose_attribute_weight(bits, np.zeros_like(scores), labels))


def test_hand_worked_example():
    """The nearest image lacks the attribute, the next one has it: with weight it comes first."""
    bits = np.zeros((3, 8), bool)
    bits[2, 0] = True
    labels = TrueLabels(np.zeros(3, int), np.array([[0], [0], [1]], np.int8), np.ones((3, 1), bool))
    scores = np.array([[-3.0], [-3.0], [3.0]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weighted_retrieval, "CUTOFFS", (1,))
        patch.setattr(weighted_retrieval, "FEWEST_QUERIES", 1)
        assert weighted_recalls(bits, scores, labels, [0.3, 0.4]).tolist() == [0, 1]
        assert choose_attribute_weight(bits, scores, labels) == 0.5
