import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.codes.calibration import Posterior
from dualhash.evaluation import posterior_retrieval
from dualhash.evaluation.combined_retrieval import CUTOFFS
from dualhash.evaluation.combined_retrieval import ijcv2020 as filtered
from dualhash.evaluation.posterior_retrieval import choose_posterior, ijcv2020
from dualhash.evaluation.true_labels import TrueLabels
from tests.evaluation.random_codes import Case, cases
from tests.oracles import evaluation as oracle

NOTHING_KEPT = np.zeros((300, 2), bool)
ONE = Posterior(epsilon=0.01, tau=32)


def category_probabilities(case: Case) -> np.ndarray:
    """Of three categories, from few values, so that many products are equal."""
    rng = np.random.default_rng(len(case.codes))
    return rng.choice([[0.5, 0.25, 0.25], [1, 0, 0], [0, 0.5, 0.5]], size=len(case.codes))


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from([0.001, 0.5]), st.sampled_from([0.5, 4, 1e6]))
def test_every_draw_matches_the_naive_oracle(case: Case, epsilon: float, tau: float):
    categories, constants = category_probabilities(case), Posterior(epsilon=epsilon, tau=tau)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posterior_retrieval, "CUTOFFS", (1, 2, 4))
        patch.setattr(posterior_retrieval, "QUERIES_PER_BLOCK", 3)
        found = ijcv2020(
            case.codes,
            categories,
            case.probabilities,
            case.labels,
            case.weights,
            posterior=constants,
        ).figures
    assert len(found) == 12
    truth = (case.codes, categories, case.probabilities, case.labels)
    for k in (1, 2, 4):
        for absent in (False, True):
            for capped in (False, True):
                name = "absent_" * absent + "capped_" * capped + f"recall_at_{k}"
                expected = [
                    oracle.posterior_recalls(
                        *truth,
                        queries,
                        k=k,
                        epsilon=epsilon,
                        tau=tau,
                        capped=capped,
                        absent=absent,
                    )
                    for queries in case.draws()
                ]
                np.testing.assert_allclose(found[f"combined_posterior_{name}"], expected)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_figures_do_not_depend_on_image_order(case: Case):
    categories, back = category_probabilities(case), case.reversed()
    forwards = ijcv2020(
        case.codes, categories, case.probabilities, case.labels, case.weights, posterior=ONE
    )
    backwards = ijcv2020(
        back.codes, categories[::-1], back.probabilities, back.labels, back.weights, posterior=ONE
    )
    for name, values in forwards.figures.items():
        np.testing.assert_allclose(backwards.figures[name], values)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_with_equal_probabilities_it_is_the_ranking_by_distance(case: Case):
    weights = case.weights
    even = np.full_like(case.probabilities, 0.5)
    found = ijcv2020(case.codes, np.ones((len(even), 1)), even, case.labels, weights, posterior=ONE)
    unfiltered = filtered(case.codes, np.ones_like(even), case.labels, weights)
    for name, values in unfiltered.figures.items():
        ranked = found.figures[name.replace("combined_", "combined_posterior_")]
        np.testing.assert_allclose(ranked, values)


def test_hand_worked_example():
    """A sure category outweighs a near code, unless distance counts more."""
    codes = np.array([[0] * 8, [0] * 7 + [1], [1] * 4 + [0] * 4], bool)
    categories = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1]])
    labels = TrueLabels(np.array([0, 1, 0]), np.ones((3, 1), np.int8), np.ones((3, 1), bool))
    even, ones = np.full((3, 1), 0.5), np.ones((3, 1), np.uint8)

    def first(tau: float) -> float:
        constants = Posterior(epsilon=0.01, tau=tau)
        found = ijcv2020(codes, categories, even, labels, ones, posterior=constants).figures
        assert found["combined_posterior_recall_at_5"][0] == 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(posterior_retrieval, "CUTOFFS", (1,))
            found = ijcv2020(codes, categories, even, labels, ones, posterior=constants).figures
        return float(found["combined_posterior_recall_at_1"][0])

    # image 0: log(0.01 + 0.82) - 4 / tau against log(0.01 + 0.18) - 1 / tau, so tau > 2.03
    assert first(tau=2.1) == 1
    assert first(tau=2.0) == 0.5  # image 0 finds image 1; image 2 still finds image 0


def made_up(images: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, TrueLabels]:
    """Codes and probabilities that depend on category and attributes, with errors."""
    rng = np.random.default_rng(0)
    truth, having = rng.integers(0, 8, images), rng.integers(0, 2, (images, 2))
    bits = (rng.random((8, 32)) < 0.5)[truth] ^ (rng.random((images, 32)) < 0.2)
    powers = np.exp(3 * (np.arange(8) == truth[:, None]) + rng.normal(size=(images, 8)))
    scores = 4 * having - 2 + rng.normal(0, 2, having.shape)
    labels = TrueLabels(truth, having.astype(np.int8), np.ones(having.shape, bool))
    return bits, powers / powers.sum(1, keepdims=True), 1 / (1 + np.exp(-scores)), labels


def test_the_chosen_constants_have_the_best_mean_recall(monkeypatch: pytest.MonkeyPatch):
    bits, categories, attributes, labels = made_up(300)
    ones = np.ones((300, 1), np.uint8)

    def recall(constants: Posterior) -> float:
        measured = ijcv2020(bits, categories, attributes, labels, ones, posterior=constants)
        names = [f"combined_posterior_recall_at_{cutoff}" for cutoff in CUTOFFS]
        return float(np.mean([measured.figures[name][0] for name in names]))

    chosen = choose_posterior(bits, categories, attributes, labels, NOTHING_KEPT)
    recalls = [
        recall(Posterior(epsilon=epsilon, tau=tau))
        for epsilon in posterior_retrieval.EPSILONS
        for tau in posterior_retrieval.TAUS
    ]
    assert chosen.better
    assert recall(chosen) == max(recalls) > min(recalls)
    monkeypatch.setattr(posterior_retrieval, "MOST_QUERIES", 50)
    assert recall(choose_posterior(bits, categories, attributes, labels, NOTHING_KEPT)) > min(
        recalls
    )


def test_it_is_better_if_it_finds_more_than_the_filter():
    bits, categories, attributes, labels = made_up(100)
    assert choose_posterior(bits, categories, attributes, labels, attributes >= 0.5).better
    blind = np.full_like(categories, 1 / 8), np.full_like(attributes, 0.5)
    assert not choose_posterior(bits, *blind, labels, labels.attributes == 1).better


def test_nothing_is_chosen_from_few_queries():
    bits, categories, attributes, labels = made_up(100)
    nothing = labels._replace(categories=np.full(100, -1))
    assert choose_posterior(bits, categories, attributes, nothing, NOTHING_KEPT) is None
    few = (array[:8] for array in (bits, categories, attributes))
    assert (
        choose_posterior(*few, TrueLabels(*(array[:8] for array in labels)), NOTHING_KEPT) is None
    )
