import pytest

from reproduction.current_results import consistent
from reproduction.setting_choice import trial_cells
from reproduction.standard_cells import pretraining, usual
from tests.reproduction.small_grid import PLAN, figure, result

SSDH = usual("ssdh", PLAN)[0]
BACKBONE = pretraining(PLAN, PLAN.backbone)


def results(push: float, weights: str = "w", rate: float = 0.03):
    """Of a cell, its backbone, and its trials, of which the first of each setting is best."""
    trials = [
        result(trial, figures={"validation_category_map": figure(0.9 - place / 100)})
        for place, trial in enumerate(trial_cells("ssdh", PLAN))
    ]
    backbone = result(BACKBONE, hashes={"model": "w"})
    recipe = {"lr_pretrained": rate, "loss_settings": {"push": push}, "bits": 16}
    made = result(SSDH, recipe, hashes={"pretraining": weights})
    return {each.name: each for each in (*trials, backbone, made)}


def test_consistent_results_are_kept():
    assert list(consistent([SSDH], PLAN, results(push=1.0))) == [SSDH.name]


@pytest.mark.parametrize("change", [{"push": 10.0}, {"weights": "v"}, {"rate": 0.1}])
def test_inconsistent_results_count_as_missing(change):
    assert not consistent([SSDH], PLAN, results(**{"push": 1.0} | change))


def test_missing_parts_and_trials_do_not_invalidate_a_result():
    alone = {SSDH.name: results(push=10.0, weights="v")[SSDH.name]}
    assert list(consistent([SSDH], PLAN, alone)) == [SSDH.name]
