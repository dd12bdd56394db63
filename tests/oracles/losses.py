"""The losses as the paper prints them, one label at a time."""

import math


def softmax(logits, categories):
    """Equation 2, averaged over the images with a category (first term of equation 8)."""
    losses = []
    for scores, category in zip(logits, categories, strict=True):
        if category >= 0:
            total = sum(math.exp(score) for score in scores)
            losses.append(-math.log(math.exp(scores[category]) / total))
    return sum(losses) / len(losses) if losses else 0.0


def triplets(outputs, categories, margin):
    """Equation 4: for each image, the losses of its triplets one by one."""
    n = len(outputs)
    losses = [[] for _ in range(n)]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                if i == j or -1 in (categories[i], categories[j], categories[k]):
                    continue
                if categories[j] == categories[i] != categories[k]:
                    near = math.dist(outputs[i], outputs[j])
                    far = math.dist(outputs[i], outputs[k])
                    losses[i].append(max(near + margin - far, 0))
    return losses


def triplet(outputs, categories, margin):
    """The mean over images with a category of the mean over each one's triplets."""
    means = [sum(own) / len(own) if own else 0.0 for own in triplets(outputs, categories, margin)]
    labelled = sum(category >= 0 for category in categories)
    return sum(means) / labelled if labelled else 0.0


def weighted_cross_entropy(logit, present, positives, negatives):
    """Equation 6 for one label, with the sign mended."""
    probability = 1 / (1 + math.exp(-logit))
    if present:
        return -negatives / (negatives + positives) * math.log(probability)
    return -positives / (negatives + positives) * math.log(1 - probability)


def hinge(logit, present):
    """Equation 7 for one label."""
    return max(1 - logit, 0) if present else max(1 + logit, 0)


def attribute_term(losses, observed):
    """The second term of equation 8 without alpha: per attribute the mean over known labels."""
    total = 0.0
    for j in range(len(losses[0])):
        known = [row[j] for row, seen in zip(losses, observed, strict=True) if seen[j]]
        total += sum(known) / len(known) if known else 0.0
    return total
