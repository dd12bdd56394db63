"""Searches as one would write them down: one pair of images at a time."""

import math


def hamming(a: list[bool], b: list[bool]) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def probability(bits: list[bool], weight: list[float], bias: float) -> float:
    """sigmoid(w . b + c), the sum without rounding."""
    score = math.fsum([bias, *(w for w, bit in zip(weight, bits, strict=True) if bit)])
    return 1 / (1 + math.exp(-score))


def joint(bits: list[bool], heads: list[tuple[list[float], float]], wanted: list[bool]) -> float:
    product = 1.0
    for (weight, bias), want in zip(heads, wanted, strict=True):
        p = probability(bits, weight, bias)
        product *= p if want else 1 - p
    return product


def weighted_cost(
    query: list[bool],
    bits: list[bool],
    heads: list[tuple[list[float], float]],
    wanted: list[bool],
    weight: float,
) -> float:
    """Distance minus `weight` times the sum of the logs of the wanted values' probabilities."""
    cost = float(hamming(query, bits))
    for (values, bias), want in zip(heads, wanted, strict=True):
        score = math.fsum([bias, *(w for w, bit in zip(values, bits, strict=True) if bit)])
        cost += weight * math.log1p(math.exp(-score if want else score))
    return cost


def first(keys: list[float], ids: list[int], k: int) -> list[int]:
    """Ids of the k smallest (key, id)."""
    return [item for _, item in sorted(zip(keys, ids, strict=True))[:k]]
