import numpy as np
import pytest

from dualhash.evaluation import weighted_retrieval
from dualhash.evaluation.bootstrap import query_weights
from dualhash.evaluation.combined_retrieval import CUTOFFS
from dualhash.evaluation.evaluate_codes import evaluate_codes
from dualhash.evaluation.true_labels import TrueLabels
from reproduction.measure_cell import BINS, Outputs, histogram, measure
from tests.reproduction.small_grid import catalogue

RNG = np.random.default_rng(1)
IMAGES = catalogue(60)
LABELS = TrueLabels(IMAGES.categories, IMAGES.attributes, IMAGES.observed)
BITS = RNG.random((60, 16)) > 0.5
PROBABILITIES = RNG.random((60, 5))


def test_figures_match_evaluate_codes():
    found = measure(Outputs(BITS, PROBABILITIES), LABELS, resamples=20)
    expected = evaluate_codes(BITS, PROBABILITIES, LABELS, bootstrap=20)
    assert set(found.figures) == set(expected.figures)
    for name, values in expected.figures.items():
        np.testing.assert_array_equal(found.figures[name], values)
    assert found.counts == expected.counts


@pytest.mark.parametrize(
    ("answers", "figures"),
    [
        ({"category"}, {"category_map"}),
        ({"attribute"}, {"attribute_map", "avg_hm", "avg_tpr", "avg_tnr", "avg_precision"}),
    ],
)
def test_only_the_tasks_of_a_method_are_measured(answers: set, figures: set):
    outputs = Outputs(BITS, PROBABILITIES)
    found = measure(outputs, LABELS, resamples=0, answers=frozenset(answers))
    assert set(found.figures) == figures


def test_real_outputs_are_measured_before_quantisation():
    reals = RNG.random((60, 16), np.float32)
    found = measure(
        Outputs(BITS, PROBABILITIES), LABELS, resamples=0, before=Outputs(reals, PROBABILITIES)
    )
    alone = measure(Outputs(reals, PROBABILITIES), LABELS, resamples=0)
    assert found.figures["real_category_map"] == alone.figures["category_map"]
    assert found.figures["category_map"] != alone.figures["category_map"]


def test_figures_of_half_of_the_bits_match_codes_of_these_bits():
    information = RNG.permutation(16).astype(float)
    found = measure(
        Outputs(BITS, PROBABILITIES), LABELS, resamples=5, attribute_information=information
    ).figures
    for name, bits in (("least", information < 8), ("most", information >= 8)):
        alone = measure(Outputs(BITS[:, bits], PROBABILITIES), LABELS, resamples=5).figures
        for figure in ("category_map", "combined_recall_at_5"):
            np.testing.assert_array_equal(found[f"half_{name}_{figure}"], alone[figure])


def test_progress_is_shown_to_the_end():
    shown: list[tuple[str, float]] = []
    measure(
        Outputs(BITS, PROBABILITIES),
        LABELS,
        resamples=0,
        attribute_information=np.arange(16.0),
        attribute_weight=1.0,
        progress=lambda stage, share: shown.append((stage, share)),
    )
    assert shown.count(("combined", 1.0)) == 3  # all bits, and each half
    assert shown[-1] == ("weighted", 1.0)


def test_weighted_recalls_are_measured():
    found = measure(Outputs(BITS, PROBABILITIES), LABELS, resamples=5, attribute_weight=2.0).figures
    weights = query_weights(60, 5, np.random.default_rng(0))
    alone = weighted_retrieval.ijcv2020(BITS, PROBABILITIES, LABELS, weights, weight=2.0).figures
    assert len(alone) == len(CUTOFFS)
    for name, values in alone.items():
        np.testing.assert_array_equal(found[name], values)


def test_unseen_categories_hand_worked_example():
    """Images 0 and 1 are of the unseen category 2; only image 2 comes between them."""
    bits = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]], bool)
    labels = TrueLabels(np.array([2, 2, 0, 0]), np.zeros((4, 0), np.int8), np.zeros((4, 0), bool))
    found = measure(
        Outputs(bits), labels, resamples=0, answers=frozenset({"category"}), unseen=[2]
    ).figures
    assert found["unseen_map"][0] == 1.0
    # Query 0: image 2 at 1, image 1 at 2. Query 1: image 2 at 1, images 0 and 3 tie at 2.
    assert found["unseen_among_all_map"][0] == pytest.approx((1 / 2 + (1 / 2 + 1 / 3) / 2) / 2)


def test_histogram_counts_every_output():
    counted = histogram(np.array([[0.0, 0.01, 0.5], [0.999, 1.0, 0.03]], np.float32))
    counts = counted["counts"]
    assert (len(counts), sum(counts), counted["outputs"]) == (BINS, 6, 6)
    assert (counts[0], counts[1], counts[BINS // 2], counts[-1]) == (2, 1, 1, 2)
