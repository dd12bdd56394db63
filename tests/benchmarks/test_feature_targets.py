"""Targets of the features path, judged by made-up results."""

import pytest

from benchmarks.features.targets import TARGETS, Target, judge

KEPT = "fashion: seconds, features kept"


@pytest.mark.parametrize(("at_most", "worst"), [(False, 0.7), (True, 0.8)])
def test_the_worst_of_all_steps_counts(at_most: bool, worst: float):
    target = Target("a figure", ("one", "two"), "figure", 0.75, at_most)
    assert target.measured({"one": {"figure": 0.7}, "two": {"figure": 0.8}}) == worst


def test_a_target_with_missing_steps_is_not_judged():
    target = Target("a figure", ("one", "two"), "figure", 0.75)
    assert target.measured({"one": {"figure": 0.7}}) is None
    assert target.measured({"one": {"figure": 0.7}, "two": {"figure": None}}) is None
    assert judge({"fashion-seed-0": {"category_map": 0.8}}) == {}


@pytest.mark.parametrize(("seconds", "met"), [(119.0, True), (120, True), (120.1, False)])
def test_seconds_are_bounded_above(seconds: float, met: bool):
    judged = judge({"fashion-seed-1": {"seconds_kept": seconds}})
    assert judged == {
        KEPT: {"measured": seconds, "target": 120, "bound": "at most", "met": met},
    }


@pytest.mark.parametrize(("ratio", "met"), [(2.5, True), (2.49, False)])
def test_ratios_are_bounded_below(ratio: float, met: bool):
    (judged,) = judge({"extraction-96x128": {"ratio": ratio}}).values()
    assert (judged["bound"], judged["met"]) == ("at least", met)


def test_seconds_with_and_without_feature_extraction_are_separate():
    assert judge({"fashion-seed-1": {"seconds_cold": 60.0}}) == {}


def test_names_of_targets_are_unique():
    assert len({target.name for target in TARGETS}) == len(TARGETS)
