"""Verdicts: whether a search result is right, judged by labels."""

from collections.abc import Mapping
from typing import Literal

from dualhash.search.results import Hit, ItemLabels, Results

Verdict = Literal["right", "half", "wrong", "unknown"]
"""Whether a result is what the search asked for; `verdict` defines each."""


def verdict(results: Results, hit: Hit) -> Verdict:
    """Returns whether `hit` is what the search asked for, judged by labels only.

    A search asks for a category (that of its query, or a named one), for attributes, or for both:

    =======================================  =======================
    search                                   asks for
    =======================================  =======================
    category, posterior without attributes   category
    attribute, combined without a query      attributes
    combined, weighted, posterior            category and attributes
    =======================================  =======================

    Each part is yes, no, or unknown if a label is missing. A single label that differs from the
    wanted value makes the attributes a no, whether or not others are missing. A predicted category
    does not count: for a query without category label, the category is unknown.

    =====================  =====================================
    parts                  verdict
    =====================  =====================================
    all yes                right
    all no                 wrong
    one yes, the other no  half
    any unknown            unknown
    =====================  =====================================
    """
    parts = []
    if _asks_for_category(results):
        parts.append(_same(_wanted_category(results), hit.labels.category))
    if results.conditions:
        parts.append(_fulfils(hit.labels, results.conditions))
    if None in parts:
        return "unknown"
    if all(parts):
        return "right"
    return "half" if any(parts) else "wrong"


def explain_verdicts(results: Results) -> dict[Verdict, str]:
    """Returns what each verdict that this search can give means, such as "same category"."""
    if not _asks_for_category(results):
        return {
            "right": "attributes as wanted",
            "wrong": "attributes not as wanted",
            "unknown": "attribute label missing",
        }
    if _wanted_category(results) is None:
        return {"unknown": "the query has no category label to compare with"}
    if not results.conditions:
        return {
            "right": "same category",
            "wrong": "another category",
            "unknown": "category label missing",
        }
    return {
        "right": "category and attributes as wanted",
        "half": "only one of the two",
        "wrong": "neither of the two",
        "unknown": "a label is missing",
    }


def _asks_for_category(results: Results) -> bool:
    named = results.category is not None
    return named or (results.query is not None and results.task != "attribute")


def _wanted_category(results: Results) -> str | None:
    """Returns the named category, or the label of the query."""
    if results.category is not None or results.query is None:
        return results.category
    return results.query.labels.category


def _same(wanted: str | None, label: str | None) -> bool | None:
    return None if wanted is None or label is None else label == wanted


def _fulfils(labels: ItemLabels, conditions: Mapping[str, bool]) -> bool | None:
    """Returns whether the attributes are as wanted; None if that depends on a missing label."""
    known = [
        labels.attributes[name] == wanted
        for name, wanted in conditions.items()
        if name in labels.attributes
    ]
    if not all(known):
        return False
    return True if len(known) == len(conditions) else None
