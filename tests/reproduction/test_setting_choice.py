from dataclasses import replace

import pytest

from dualhash.evaluation.evaluation_result import MetricValue
from reproduction.grid_cell import Cell
from reproduction.setting_choice import choices, chosen_settings, nested, trial_cells
from tests.reproduction.small_grid import PLAN, result

TRIED = replace(
    PLAN, trials={"dph": {"alpha": (0.0, 0.1, 1.0)}, "hashnet": {"lr_new": (0.01, 0.1)}}
)
DPH, HASHNET = Cell("dph", 16), Cell("hashnet", 16)


def outcomes(method: str, *figures: tuple[float, float]):
    found = [
        result(
            cell,
            figures={
                "validation_category_map": MetricValue(value=category_map),
                "validation_avg_hm": MetricValue(value=avg_hm),
            },
        )
        for cell, (category_map, avg_hm) in zip(trial_cells(method, TRIED), figures, strict=True)
    ]
    return {each.name: each for each in found}


@pytest.mark.parametrize(
    ("last", "alpha"),
    [(0.480, 0.1), (0.486, 1.0)],  # 3 % of 0.5 is 0.015
)
def test_largest_alpha_before_category_map_drops_is_chosen(last: float, alpha: float):
    found = outcomes("dph", (0.5, 0.2), (0.49, 0.6), (last, 0.9))
    assert chosen_settings(DPH, TRIED, found) == {"alpha": alpha}


def test_best_value_of_other_settings_is_chosen():
    found = outcomes("hashnet", (0.4, float("nan")), (0.3, float("nan")))
    assert chosen_settings(HASHNET, TRIED, found) == {"lr_new": 0.01}


def test_nothing_is_chosen_before_all_trials_are_finished():
    found = outcomes("dph", (0.5, 0.2), (0.49, 0.6), (0.4, 0.9))
    del found[trial_cells("dph", TRIED)[2].name]
    assert chosen_settings(DPH, TRIED, found) is None


def test_cells_without_trials_have_no_chosen_settings():
    assert chosen_settings(Cell("itq", 16), TRIED, {}) == {}
    assert chosen_settings(trial_cells("dph", TRIED)[0], TRIED, {}) == {}


def test_every_trial_is_a_row_of_the_table():
    assert list(choices(TRIED).rows) == [
        "dph, alpha 0.0",
        "dph, alpha 0.1",
        "dph, alpha 1.0",
        "hashnet, lr_new 0.01",
        "hashnet, lr_new 0.1",
    ]


def test_dotted_names_become_nested_settings():
    assert nested({"alpha": 0.1, "loss_settings.push": 3.0, "loss_settings.balance": 1.0}) == {
        "alpha": 0.1,
        "loss_settings": {"push": 3.0, "balance": 1.0},
    }
