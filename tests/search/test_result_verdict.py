from dataclasses import replace

import numpy as np
import pytest

from dualhash.codes import Prediction
from dualhash.search import Hit, ItemLabels, Query, Results
from dualhash.search.result_verdict import explain_verdicts, verdict

CODE = np.zeros(1, np.uint8)
SHOE, HAT, UNLABELLED = ItemLabels("shoe"), ItemLabels("hat"), ItemLabels()
CONDITIONS = {"red": True, "new": False}


def make_results(task: str, query: ItemLabels | None, *labels: ItemLabels) -> Results:
    """Results of a search; attributes are wanted unless the task is `category`."""
    prediction = Prediction("hat", 0.9, dict.fromkeys(CONDITIONS, 0.75))
    hits = tuple(Hit(i + 1, i, i, None, {}, "", each, {}, CODE) for i, each in enumerate(labels))
    conditions = {} if task == "category" else CONDITIONS
    origin = query and Query(CODE, None, 7, query, prediction)
    return Results(task, 8, origin, conditions, len(hits), hits)


def shoe(**attributes: bool) -> ItemLabels:
    return ItemLabels("shoe", attributes)


def hat(**attributes: bool) -> ItemLabels:
    return ItemLabels("hat", attributes)


@pytest.mark.parametrize(
    ("task", "query", "hit", "expected"),
    [
        ("category", SHOE, SHOE, "right"),
        ("category", SHOE, HAT, "wrong"),
        ("category", SHOE, UNLABELLED, "unknown"),
        ("category", UNLABELLED, HAT, "unknown"),
        ("category", UNLABELLED, SHOE, "unknown"),
        ("attribute", HAT, shoe(red=True, new=False), "right"),
        ("attribute", UNLABELLED, shoe(red=True, new=False), "right"),
        ("attribute", None, shoe(red=True, new=False), "right"),
        ("attribute", SHOE, shoe(red=True, new=True), "wrong"),
        ("attribute", SHOE, shoe(red=False), "wrong"),
        ("attribute", SHOE, shoe(new=False), "unknown"),
        ("attribute", SHOE, SHOE, "unknown"),
        ("combined", None, hat(red=True, new=False), "right"),
        ("combined", None, hat(red=False, new=False), "wrong"),
        ("combined", None, hat(red=True), "unknown"),
        ("combined", SHOE, shoe(red=True, new=False), "right"),
        ("combined", SHOE, shoe(red=False), "half"),
        ("combined", SHOE, hat(red=True, new=False), "half"),
        ("combined", SHOE, hat(red=True, new=True), "wrong"),
        ("combined", SHOE, shoe(red=True), "unknown"),
        ("combined", SHOE, hat(red=True), "unknown"),
        ("combined", SHOE, ItemLabels(None, {"red": True, "new": False}), "unknown"),
        ("combined", SHOE, ItemLabels(None, {"red": False}), "unknown"),
        ("combined", UNLABELLED, hat(red=True, new=False), "unknown"),
        ("weighted", SHOE, shoe(red=True, new=False), "right"),
        ("weighted", SHOE, shoe(red=False), "half"),
        ("posterior", SHOE, shoe(red=True, new=False), "right"),
        ("posterior", SHOE, hat(red=True, new=False), "half"),
    ],
)
def test_verdict_follows_the_labels(task, query, hit, expected):
    results = make_results(task, query, hit)
    assert verdict(results, results.hits[0]) == expected
    assert expected in explain_verdicts(results)


def test_a_named_category_is_judged_like_that_of_a_query():
    hits = shoe(red=True, new=False), hat(red=True, new=False), hat(red=False), ItemLabels(None)
    results = replace(make_results("posterior", None, *hits), category="shoe")
    judged = [verdict(results, hit) for hit in results]
    assert judged == ["right", "half", "wrong", "unknown"]
    assert list(explain_verdicts(results)) == judged
    alone = replace(results, conditions={})
    assert [verdict(alone, hit) for hit in alone] == ["right", "wrong", "wrong", "unknown"]


@pytest.mark.parametrize(
    ("task", "query", "verdicts"),
    [
        ("category", SHOE, ["right", "wrong", "unknown"]),
        ("category", UNLABELLED, ["unknown"]),
        ("attribute", SHOE, ["right", "wrong", "unknown"]),
        ("combined", None, ["right", "wrong", "unknown"]),
        ("combined", SHOE, ["right", "half", "wrong", "unknown"]),
        ("weighted", UNLABELLED, ["unknown"]),
    ],
)
def test_a_legend_explains_the_verdicts_that_a_search_can_give(task, query, verdicts):
    legend = explain_verdicts(make_results(task, query))
    assert list(legend) == verdicts
    assert len(set(legend.values())) == len(verdicts)
