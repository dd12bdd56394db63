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


def softmax(bits: list[bool], heads: list[tuple[list[float], float]]) -> list[float]:
    scores = [
        math.fsum([bias, *(w for w, bit in zip(weight, bits, strict=True) if bit)])
        for weight, bias in heads
    ]
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]


def posterior_score(
    wished: list[float],
    bits: list[bool],
    categories: list[tuple[list[float], float]],
    attributes: list[tuple[list[float], float]],
    wanted: list[bool],
    *,
    epsilon: float,
    distance_share: float,
) -> float:
    """log(epsilon + sum_c p_q(c) p_x(c)) + sum_j log p_x(j) - d / tau."""
    agreement = math.fsum(p * q for p, q in zip(wished, softmax(bits, categories), strict=True))
    evidence = weighted_cost(bits, bits, attributes, wanted, 1.0)
    return math.log(epsilon + agreement) - evidence - distance_share


def first(keys: list[float], ids: list[int], k: int) -> list[int]:
    """Ids of the k smallest (key, id)."""
    return [item for _, item in sorted(zip(keys, ids, strict=True))[:k]]
