import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from dualhash.losses.weighted_cross_entropy import (
    AttributeCounts,
    WeightedCrossEntropy,
    cross_entropy,
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


def test_without_weights_the_minimum_is_the_share_of_present_labels():
    """One in four images has the attribute; -log(3/4) and -log(1/4) worked by hand."""
    attributes = torch.tensor([1.0, 0.0, 0.0, 0.0])
    logit = torch.full((4,), -math.log(3), requires_grad=True)
    losses = cross_entropy(logit, attributes)
    assert losses.tolist() == pytest.approx([math.log(4)] + [math.log(4 / 3)] * 3)
    losses.sum().backward()
    assert logit.grad is not None
    assert logit.grad.sum().item() == pytest.approx(0, abs=1e-6)


def test_a_soft_label_is_the_mean_of_both_hard_ones():
    logits = torch.tensor([0.3, -2.0])
    soft = cross_entropy(logits, torch.tensor([0.25, 0.25]))
    hard = cross_entropy(logits, torch.ones(2)), cross_entropy(logits, torch.zeros(2))
    torch.testing.assert_close(soft, 0.25 * hard[0] + 0.75 * hard[1])


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
