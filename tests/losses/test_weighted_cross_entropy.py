import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from dualhash.losses.weighted_cross_entropy import (
    AttributeCounts,
    WeightedCrossEntropy,
    weighted_cross_entropy,
)
from tests.losses.batches import random_batch
from tests.oracles import losses as oracle

COUNTS = AttributeCounts(
    ("red", "green", "blue", "round"), np.array([1, 10, 50, 3]), np.array([99, 10, 5, 4])
)


@pytest.mark.parametrize("seed", range(5))
def test_matches_a_naive_loop(seed):
    batch = random_batch(seed)
    losses = WeightedCrossEntropy(COUNTS)(batch.attribute_logits, batch.attributes)
    for i, row in enumerate(losses.tolist()):
        assert row == pytest.approx(
            [
                oracle.weighted_cross_entropy(
                    batch.attribute_logits[i, j].item(),
                    batch.attributes[i, j].item(),
                    COUNTS.positives[j],
                    COUNTS.negatives[j],
                )
                for j in range(len(COUNTS.names))
            ]
        )


def test_hand_worked_example():
    # sigmoid(log 3) = 3/4.
    logits = torch.tensor([[math.log(3)], [math.log(3)]])
    losses = weighted_cross_entropy(
        logits, torch.tensor([[1.0], [0.0]]), torch.tensor([0.8]), torch.tensor([0.2])
    )
    assert losses.flatten().tolist() == pytest.approx([0.8 * math.log(4 / 3), 0.2 * math.log(4)])


def test_the_rarer_label_weighs_more():
    loss = WeightedCrossEntropy(COUNTS)
    assert loss.positive_weight.tolist() == pytest.approx([0.99, 0.5, 5 / 55, 4 / 7])
    assert loss.negative_weight.tolist() == pytest.approx([0.01, 0.5, 50 / 55, 3 / 7])


def test_present_and_absent_have_equal_total_weight():
    loss = WeightedCrossEntropy(COUNTS)
    torch.testing.assert_close(
        loss.positive_weight * torch.as_tensor(COUNTS.positives),
        loss.negative_weight * torch.as_tensor(COUNTS.negatives),
    )


def test_swapping_present_and_absent_mirrors_the_loss():
    batch = random_batch(6)
    mirrored = AttributeCounts(COUNTS.names, COUNTS.negatives, COUNTS.positives)
    torch.testing.assert_close(
        WeightedCrossEntropy(mirrored)(-batch.attribute_logits, 1 - batch.attributes),
        WeightedCrossEntropy(COUNTS)(batch.attribute_logits, batch.attributes),
    )


def test_large_logits_stay_finite():
    logits = torch.tensor([[500.0], [-500.0]])
    losses = weighted_cross_entropy(
        logits, torch.tensor([[0.0], [1.0]]), torch.tensor([0.5]), torch.tensor([0.5])
    )
    assert losses.flatten().tolist() == [250.0, 250.0]


def test_gradient():
    batch = random_batch(1)
    loss = WeightedCrossEntropy(COUNTS)
    assert gradcheck(
        lambda z: loss(z, batch.attributes), (batch.attribute_logits.requires_grad_(),)
    )
