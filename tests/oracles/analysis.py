"""Bit functionality as printed: sums over all ordered pairs of images, one pair at a time."""

import math
from statistics import mean


def printed_sum(values: list[int], categories: list[int]) -> float:
    """Equations 9 and 11 for one property, an image being a pair with itself."""
    pairs = [
        (values[i], values[j], categories[i] == categories[j])
        for i in range(len(values))
        for j in range(len(values))
    ]
    same = sum(alike for _, _, alike in pairs)
    balance = same / (len(pairs) - same)
    within = sum((a - b) ** 2 for a, b, alike in pairs if alike)
    between = sum((a - b) ** 2 for a, b, alike in pairs if not alike)
    return -within + balance * between


def same_pairs(categories: list[int]) -> int:
    return sum(a == b for a in categories for b in categories)


def pearson(first: list[float], second: list[float]) -> float:
    mean_first, mean_second = mean(first), mean(second)
    products = sum((a - mean_first) * (b - mean_second) for a, b in zip(first, second, strict=True))
    squares = sum((a - mean_first) ** 2 for a in first), sum((b - mean_second) ** 2 for b in second)
    return products / math.sqrt(squares[0] * squares[1])
