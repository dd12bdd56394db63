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


def cosine_margin(logits, categories, margin=0.2, scale=16.0):
    lowered = [
        [z - scale * margin * (j == category) for j, z in enumerate(row)]
        for row, category in zip(logits, categories, strict=True)
    ]
    return softmax(lowered, categories)


def ssdh(logits, outputs, categories, push=1.0, balance=1.0):
    """The three terms of SSDH as its authors' layers compute them, one image at a time."""
    known = [row for row, category in zip(outputs, categories, strict=True) if category >= 0]
    if not known:
        return 0.0
    binarisation_loss, uneven = 0.0, 0.0
    for row in known:
        binarisation_loss -= sum((value - 0.5) ** 2 for value in row) / len(row) / 2
        uneven += (sum(row) / len(row) - 0.5) ** 2 / 2
    return softmax(logits, categories) + (push * binarisation_loss + balance * uneven) / len(known)


def hashnet(outputs, categories, slope=10.0, similar=1.0):
    """Each pair's negative log likelihood; the mean of similar pairs plus that of the others."""
    alike, different = [], []
    for i in range(len(outputs)):
        for j in range(i):
            if -1 in (categories[i], categories[j]):
                continue
            pairs = zip(outputs[i], outputs[j], strict=True)
            inner = sum((2 * a - 1) * (2 * b - 1) for a, b in pairs)
            probability = 1 / (1 + math.exp(-slope / len(outputs[i]) * inner))
            if categories[i] == categories[j]:
                alike.append(-math.log(probability))
            else:
                different.append(-math.log(1 - probability))
    mean = sum(alike) / len(alike) if alike else 0.0
    return similar * mean + (sum(different) / len(different) if different else 0.0)


def triplets(outputs, categories, margin, distance=math.dist):
    """Equation 4: for each image, the losses of its triplets one by one."""
    n = len(outputs)
    losses = [[] for _ in range(n)]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                if i == j or -1 in (categories[i], categories[j], categories[k]):
                    continue
                if categories[j] == categories[i] != categories[k]:
                    near = distance(outputs[i], outputs[j])
                    far = distance(outputs[i], outputs[k])
                    losses[i].append(max(near + margin - far, 0))
    return losses


def triplet(outputs, categories, margin, distance=math.dist):
    """The mean over images with a category of the mean over each one's triplets."""
    losses = triplets(outputs, categories, margin, distance)
    means = [sum(own) / len(own) if own else 0.0 for own in losses]
    labelled = sum(category >= 0 for category in categories)
    return sum(means) / labelled if labelled else 0.0


def dnnh(outputs, categories, margin=1.0):
    """The mean of the triplets of DNNH, by squared distance."""
    return triplet(outputs, categories, margin, lambda a, b: math.dist(a, b) ** 2)


def cross_entropy(logit, label):
    probability = 1 / (1 + math.exp(-logit))
    return -(label * math.log(probability) + (1 - label) * math.log(1 - probability))


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
