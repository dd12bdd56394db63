from dataclasses import replace

import pytest

from dualhash.evaluation.evaluation_result import MetricValue
from reproduction.grid_cell import Cell
from reproduction.paper_claims import Claim, check_claim, claims
from tests.reproduction.small_grid import PLAN, result

DPH = (Cell("dph", 16, seed=0), Cell("dph", 16, seed=1))
SSDH = (Cell("ssdh", 16),)
CLAIM = Claim("DPH is near SSDH", "category_map", DPH, SSDH, allowance=0.01)


def measured(cell: Cell, value: float, *draws: float):
    return result(cell, figures={"category_map": MetricValue(value=value)}, draws={
        "category_map": list(draws)
    })  # fmt: skip


def results(*values: float):
    """Of both seeds of DPH and of SSDH; each draw moves all by the same, SSDH by half of it."""
    first, second, other = values
    found = (
        measured(DPH[0], first, first - 0.02, first + 0.02),
        measured(DPH[1], second, second - 0.02, second + 0.02),
        measured(SSDH[0], other, other - 0.01, other + 0.01),
    )
    return {each.name: each for each in found}


def test_margin_is_over_seed_means_and_interval_over_paired_draws():
    verdict = check_claim(CLAIM, results(0.70, 0.72, 0.715))
    assert verdict.margin == pytest.approx(-0.005)
    # Draws of the margin are -0.015 and 0.005; 95 % lie between the 2.5 % and 97.5 % quantiles.
    assert verdict.interval == pytest.approx((-0.015 + 0.025 * 0.02, 0.005 - 0.025 * 0.02))
    assert verdict.holds is True


def test_a_claim_fails_beyond_its_allowance():
    assert check_claim(CLAIM, results(0.5, 0.5, 0.509)).holds is True
    assert check_claim(CLAIM, results(0.5, 0.5, 0.511)).holds is False


def test_equal_figures_are_not_above():
    above = replace(CLAIM, allowance=0.0)
    assert check_claim(above, results(0.5, 0.5, 0.5)).holds is False
    assert check_claim(above, results(0.5, 0.5, 0.499)).holds is True


def test_a_missing_cell_leaves_the_claim_open():
    found = results(0.5, 0.5, 0.4)
    del found[DPH[1].name]
    verdict = check_claim(CLAIM, found)
    assert (verdict.holds, verdict.margin, verdict.interval) == (None, None, None)


def test_report_lists_the_claims_of_the_paper():
    known = claims(PLAN)
    limits = {name: claim.allowance for name, claim in known.items()}
    assert limits["attribute-map-above-svm-binary"] == 0
    assert limits["attribute-map-near-cnn-attribute"] == 0.01
    assert limits["combined-recall-at-5-above-jlbc"] == 0
    assert limits["combined-recall-at-100-near-multiple-model"] == 0.01
    assert len(known) == 3 + 2 * 6
    assert known["category-map-near-ssdh"].words == (
        "DPH is within 0.01 of SSDH or above on category mAP at 16 bits"
    )
