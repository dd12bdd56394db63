"""What the paper's released scripts print for a folder of .dat files, one image after the other.

Described from what they do. Rankings are total: what ties stands in the order of the files.
"""

import math
import struct
from itertools import combinations
from pathlib import Path
from statistics import mean

CUTOFFS = (5, 10, 20, 50, 75, 100)


def floats(path: Path) -> list[float]:
    content = path.read_bytes()
    return list(struct.unpack(f"<{len(content) // 4}f", content))


def rows(path: Path, images: int) -> list[list[float]]:
    values = floats(path)
    length = len(values) // images
    return [values[start : start + length] for start in range(0, len(values), length)]


def read(folder: Path) -> tuple[list[list[int]], list[float], list[list[float]]]:
    """Codes of -1, 0 and 1, the labels and the attribute predictions."""
    labels = floats(folder / "label.dat")
    outputs = rows(folder / "code.dat", len(labels))
    codes = [[(value > 0.5) - (value < 0.5) for value in code] for code in outputs]
    return codes, labels, rows(folder / "attribute.dat", len(labels))


def farness(a: list[int], b: list[int]) -> int:
    return -sum(x * y for x, y in zip(a, b, strict=True))


def precision(hits: list[bool]) -> float:
    """Average precision of a ranking; not a number where nothing is hit."""
    ranks = [rank for rank, hit in enumerate(hits, start=1) if hit]
    if not ranks:
        return math.nan
    return sum(found / rank for found, rank in enumerate(ranks, start=1)) / len(ranks)


def category(codes: list[list[int]], labels: list[float]) -> float:
    """The query stays in its ranking and is no match for itself."""
    found = []
    for query, code in enumerate(codes):
        order = sorted(range(len(codes)), key=lambda i, code=code: farness(codes[i], code))
        found.append(precision([i != query and labels[i] == labels[query] for i in order]))
    return mean(found)


def attribute(predicted: list[list[float]], truth: list[list[int]]) -> float:
    """All queries with all selections of one to three attributes; nothing to find counts 0."""
    attributes = range(len(predicted[0]))
    found = []
    for query, own in enumerate(predicted):
        others = [i for i in range(len(predicted)) if i != query]
        for size in (1, 2, 3):
            for chosen in combinations(attributes, size):
                scores = {
                    i: math.prod(
                        1 - predicted[i][j] if own[j] < 0.5 else predicted[i][j] for j in chosen
                    )
                    for i in others
                }
                order = sorted(others, key=lambda i, scores=scores: -scores[i])
                hits = [all(truth[i][j] == truth[query][j] for j in chosen) for i in order]
                found.append(precision(hits) if any(hits) else 0.0)
    return mean(found)


def combined(
    codes: list[list[int]],
    predicted: list[list[float]],
    labels: list[int],
    truth: list[list[int]],
) -> list[float]:
    """Recalls at `CUTOFFS`, over all pairs of a query and an attribute that are evaluated."""
    recalls: list[list[float]] = [[] for _ in CUTOFFS]
    for query, code in enumerate(codes):
        others = [i for i in range(len(codes)) if i != query]
        for j in range(len(truth[0])):
            relevant = {
                i for i in others if labels[i] == labels[query] and truth[i][j] != truth[query][j]
            }
            if not relevant or predicted[query][j] > 0.5:
                continue
            kept = [i for i in others if predicted[i][j] < 0.5]
            kept.sort(key=lambda i, code=code: farness(codes[i], code))
            for place, cutoff in enumerate(CUTOFFS):
                recalls[place].append(len(relevant & set(kept[:cutoff])) / len(relevant))
    return [mean(values) if values else math.nan for values in recalls]
