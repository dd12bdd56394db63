import math

import numpy as np
import pytest

from dualhash.errors import DualhashError
from dualhash.evaluation.evaluate_codes import evaluate_codes, validation_figures
from dualhash.evaluation.true_labels import TrueLabels
from tests.evaluation.random_codes import make_case


@pytest.fixture
def case():
    return make_case(3, images=25, attributes=3)


def test_validation_figures_match_the_full_evaluation(case):
    figures = evaluate_codes(case.codes, case.probabilities, case.labels, bootstrap=0).figures
    category_map, avg_hm = validation_figures(case.codes, case.probabilities, case.labels)
    assert category_map == pytest.approx(figures["category_map"][0])
    assert avg_hm == pytest.approx(figures["avg_hm"][0])


def test_validation_figures_without_labels_are_nan():
    codes, none = np.zeros((3, 8), bool), np.zeros((3, 0))
    labels = TrueLabels(np.full(3, -1), none.astype(np.int8), none.astype(bool))
    figures = validation_figures(codes, none, labels)
    assert all(map(math.isnan, figures))


def test_the_seed_changes_draws_but_not_figures(case):
    def figures(seed):
        return evaluate_codes(
            case.codes, case.probabilities, case.labels, bootstrap=6, seed=seed
        ).figures["category_map"]

    np.testing.assert_array_equal(figures(1), figures(1))
    assert figures(1)[0] == figures(2)[0]
    assert (figures(1)[1:] != figures(2)[1:]).any()


def test_progress_names_every_stage_and_ends_at_one(case):
    last = {}
    evaluate_codes(
        case.codes, case.probabilities, case.labels, bootstrap=0, progress=last.__setitem__
    )
    assert last == {"category": 1.0, "attribute": 1.0, "combined": 1.0}


def test_refuses_arrays_that_do_not_fit(case):
    with pytest.raises(DualhashError, match="25 images and 3 attributes do not fit 24 codes"):
        evaluate_codes(case.codes[1:], case.probabilities, case.labels)
    with pytest.raises(DualhashError, match=r"probabilities of shape \(25, 2\)"):
        evaluate_codes(case.codes, case.probabilities[:, 1:], case.labels)
    with pytest.raises(DualhashError, match="0 or more, not -1"):
        evaluate_codes(case.codes, case.probabilities, case.labels, bootstrap=-1)
