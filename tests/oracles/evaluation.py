"""Naive definitions of every figure: real rankings, all orders of ties, plain loops.

`queries` are the query images, with repetition: a bootstrap draw.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, combinations, groupby, permutations, product
from statistics import mean

import numpy as np


def orders(items: Iterable[int], key: Callable[[int], float]) -> Iterator[list[int]]:
    """All rankings of `items` by ascending key, ties in every order."""
    groups = [list(group) for _, group in groupby(sorted(items, key=key), key=key)]
    for arranged in product(*(permutations(group) for group in groups)):
        yield list(chain.from_iterable(arranged))


def average_precision(ranking: Sequence[int], relevant: set[int]) -> float:
    hits, precisions = 0, []
    for rank, item in enumerate(ranking, start=1):
        if item in relevant:
            hits += 1
            precisions.append(hits / rank)
    return mean(precisions)


def expected_average_precision(
    items: Iterable[int],
    key: Callable[[int], float],
    relevant: set[int],
    first: Sequence[int] = (),
) -> float | None:
    """Mean over all orders of ties; `first` stand ahead of all. None if nothing is relevant."""
    if not relevant:
        return None
    return mean(average_precision([*first, *order], relevant) for order in orders(items, key))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Hamming on bits, squared Euclidean on reals."""
    return sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True))


def category_map(codes, categories, queries, *, query_first=False) -> float:
    found = []
    for q in queries:
        if categories[q] < 0:
            continue
        others = [i for i in range(len(codes)) if i != q and categories[i] >= 0]
        precision = expected_average_precision(
            others,
            lambda i, q=q: distance(codes[q], codes[i]),
            {i for i in others if categories[i] == categories[q]},
            first=[q] if query_first else [],
        )
        if precision is not None:
            found.append(precision)
    return mean(found) if found else float("nan")


def attribute_precisions(probabilities, labels, selection, queries, predicted):
    """(true combination, AP or None) of each query that takes part in a selection."""
    _, attributes, observed = labels
    members = [i for i in range(len(probabilities)) if all(observed[i, j] for j in selection)]

    def truth(i):
        return tuple(attributes[i, j] for j in selection)

    def score(i, q):
        total = 1.0
        for j in selection:
            p = float(probabilities[i, j])
            total *= p if predicted(float(probabilities[q, j])) else 1.0 - p
        return total

    for q in queries:
        if q in members:
            others = [i for i in members if i != q]
            matching = {i for i in others if truth(i) == truth(q)}
            yield (
                truth(q),
                expected_average_precision(others, lambda i, q=q: -score(i, q), matching),
            )


def all_selections(p):
    return [s for size in (1, 2, 3) for s in combinations(range(p), size)]


def attribute_map_ijcv2020(probabilities, labels, queries) -> float:
    per_selection = []
    for selection in all_selections(probabilities.shape[1]):
        by_combination = {}
        for combination, precision in attribute_precisions(
            probabilities, labels, selection, queries, lambda p: p > 0.5
        ):
            if precision is not None:
                by_combination.setdefault(combination, []).append(precision)
        if by_combination:
            per_selection.append(mean(mean(v) for v in by_combination.values()))
    return mean(per_selection) if per_selection else float("nan")


def attribute_map_cvpr2017(probabilities, labels, queries) -> float:
    pooled = [
        precision or 0.0
        for selection in all_selections(probabilities.shape[1])
        for _, precision in attribute_precisions(
            probabilities, labels, selection, queries, lambda p: p >= 0.5
        )
    ]
    return mean(pooled) if pooled else float("nan")


def hits_among_first(kept, key, relevant, k) -> float:
    return mean(len(relevant & set(order[:k])) for order in orders(kept, key))


def combined_recalls(codes, probabilities, labels, queries, k, **kind) -> float:
    """ijcv2020: filtered at 0.5, then by distance."""

    def filtered(q, j, others):
        kept = [i for i in others if probabilities[i, j] >= 0.5]
        return kept, lambda i: distance(codes[q], codes[i])

    return recalls_of_rankings(filtered, labels, queries, k, **kind)


def posterior_recalls(
    codes, categories, probabilities, labels, queries, *, k, epsilon, tau, **kind
) -> float:
    """By log(epsilon + sum_c p_q(c) p_x(c)) + log p_x(j) - d / tau, from probabilities."""

    def ranked(q, j, others):
        def key(i):
            agreement = sum(float(a * b) for a, b in zip(categories[q], categories[i], strict=True))
            chance = math.log(epsilon + agreement) + math.log(probabilities[i, j])
            return round(distance(codes[q], codes[i]) / tau - chance, 6)

        return others, key

    return recalls_of_rankings(ranked, labels, queries, k, **kind)


def recalls_of_rankings(rank, labels, queries, k, *, capped=False, absent=False) -> float:
    """Mean over valid queries, then over attributes; `rank` returns what is kept, and its key."""
    categories, attributes, observed = labels
    per_attribute = []
    for j in range(attributes.shape[1]):
        members = [i for i in range(len(categories)) if observed[i, j] and categories[i] >= 0]
        found = []
        for q in queries:
            if q not in members or (absent and attributes[q, j]):
                continue
            others = [i for i in members if i != q]
            relevant = {i for i in others if categories[i] == categories[q] and attributes[i, j]}
            if relevant:
                hits = hits_among_first(*rank(q, j, others), relevant, k)
                found.append(hits / (min(k, len(relevant)) if capped else len(relevant)))
        if found:
            per_attribute.append(mean(found))
    return mean(per_attribute) if per_attribute else float("nan")


def combined_recall_cvpr2017(codes, probabilities, labels, queries, k) -> float:
    categories, attributes, observed = labels
    pooled = []
    for j in range(probabilities.shape[1]):
        members = [i for i in range(len(codes)) if observed[i, j] and categories[i] >= 0]
        for q in queries:
            if q not in members or probabilities[q, j] > 0.5:
                continue
            others = [i for i in members if i != q]
            relevant = {
                i
                for i in others
                if categories[i] == categories[q] and attributes[i, j] != attributes[q, j]
            }
            if relevant:
                kept = [i for i in others if probabilities[i, j] < 0.5]
                key = lambda i, q=q: distance(codes[q], codes[i])  # noqa: E731
                pooled.append(hits_among_first(kept, key, relevant, k) / len(relevant))
    return mean(pooled) if pooled else float("nan")


def weighted_recall(codes, scores, labels, weight, cutoffs) -> float:
    """Of real rankings by (distance + weight * improbability, image), one query at a time."""
    over_attributes = []
    for j in range(labels.attributes.shape[1]):
        taking_part = [
            i for i in range(len(codes)) if labels.categories[i] >= 0 and labels.observed[i, j]
        ]
        recalls = []
        for q in taking_part:
            others = [i for i in taking_part if i != q]
            relevant = {
                i
                for i in others
                if labels.categories[i] == labels.categories[q] and labels.attributes[i, j]
            }
            if not relevant:
                continue
            cost = {
                i: distance(codes[q], codes[i]) + weight * math.log1p(math.exp(-scores[i, j]))
                for i in others
            }
            ranking = sorted(others, key=lambda i, cost=cost: (cost[i], i))
            recalls += [len(relevant & set(ranking[:k])) / len(relevant) for k in cutoffs]
        if recalls:
            over_attributes.append(mean(recalls))
    return mean(over_attributes) if over_attributes else float("nan")


def average_harmonic_mean(probabilities, labels, queries) -> float:
    _, attributes, observed = labels
    per_attribute = []
    for j in range(probabilities.shape[1]):
        labelled = [i for i in queries if observed[i, j]]
        true_positive = [probabilities[i, j] >= 0.5 for i in labelled if attributes[i, j]]
        true_negative = [probabilities[i, j] < 0.5 for i in labelled if not attributes[i, j]]
        if true_positive and true_negative:
            tpr, tnr = mean(map(float, true_positive)), mean(map(float, true_negative))
            per_attribute.append(2 * tpr * tnr / (tpr + tnr) if tpr + tnr else 0.0)
    return mean(per_attribute) if per_attribute else float("nan")


def expected_calibration_error(probabilities, outcomes, bins):
    """Equal-mass bins of predictions sorted by probability; equals have their mean outcome."""
    pairs = sorted(zip(probabilities.tolist(), outcomes.tolist(), strict=True))
    n = len(pairs)
    bins = min(bins, n)
    total = 0.0
    for b in range(bins):
        members = [pairs[i] for i in range(n) if i * bins // n == b]
        share = sum(
            np.mean([outcome for p, outcome in pairs if p == own]) for own, _ in members
        ) / len(members)
        total += len(members) * abs(share - np.mean([p for p, _ in members]))
    return total / n
