import math
from itertools import permutations

import numpy as np
import pytest

from dualhash import metrics
from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate_codes import evaluate_codes
from tests.evaluation.random_codes import make_case


def naive(scores: list[float], relevant: list[bool], k: int) -> tuple[float, float]:
    """Means of average precision and of hits among the first k over all orders of ties."""
    precisions, hits = [], []
    for order in permutations(range(len(scores))):
        ranked = [scores[i] for i in order]
        if ranked == sorted(ranked, reverse=True):
            found = [relevant[i] for i in order]
            at = [sum(found[: n + 1]) / (n + 1) for n, hit in enumerate(found) if hit]
            precisions.append(sum(at) / len(at))
            hits.append(sum(found[:k]))
    return sum(precisions) / len(precisions), sum(hits) / len(hits)


@pytest.mark.parametrize("seed", range(10))
def test_figures_of_one_ranking_match_the_mean_over_all_orders(seed: int):
    rng = np.random.default_rng(seed)
    scores, relevant = rng.integers(0, 3, 6).tolist(), [True, *(rng.random(5) < 0.5).tolist()]
    precision, hits = naive(scores, relevant, 3)
    assert metrics.average_precision(scores, relevant) == pytest.approx(precision)
    assert metrics.recall(scores, relevant, 3) == pytest.approx(hits / sum(relevant))
    capped = metrics.recall(scores, relevant, 3, capped=True)
    assert capped == pytest.approx(hits / min(3, sum(relevant)))


def test_rankings_without_a_relevant_item_have_no_figure():
    assert math.isnan(metrics.average_precision([1, 2], [False, False]))
    assert math.isnan(metrics.recall([], [], 5))


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_an_evaluation(seed: int, real: bool):
    case = make_case(seed, 12, 2, real=real)
    codes, probabilities, labels = case.codes, case.probabilities, case.labels
    attributes = np.where(labels.observed, labels.attributes, -1)
    expected = {
        name: draws[0]
        for name, draws in evaluate_codes(codes, probabilities, labels, bootstrap=0).figures.items()
    }
    combined = (codes, probabilities, labels.categories, attributes)
    found = {
        "category_map": metrics.category_map(codes, labels.categories),
        "attribute_map": metrics.attribute_map(probabilities, attributes),
        "avg_hm": metrics.avg_hm(probabilities, attributes),
        "combined_recall_at_5": metrics.combined_recall(*combined, 5),
        "combined_capped_recall_at_5": metrics.combined_recall(*combined, 5, capped=True),
    }
    assert found == pytest.approx({name: expected[name] for name in found}, nan_ok=True)
    assert all(type(value) is float for value in found.values())


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(DualhashError, match=r"Scores \(2,\) and relevance \(3,\)"):
        metrics.average_precision([1, 2], [True, False, True])
    with pytest.raises(DualhashError, match=r"Categories \(2,\).*each of 3 images"):
        metrics.category_map(np.zeros((3, 8), bool), [0, 1])
    with pytest.raises(DualhashError, match=r"attributes \(2, 1\).*each of 3 images"):
        metrics.avg_hm(np.zeros((3, 1)), [[0], [1]])
