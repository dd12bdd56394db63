import math

import pytest
import torch
from torch.autograd import gradcheck

from dualhash.losses.hashnet import HashNetLoss, pairwise_losses
from tests.losses.batches import random_batch
from tests.oracles import losses as oracle


@pytest.mark.parametrize("seed", range(5))
def test_matches_a_naive_loop(seed):
    batch = random_batch(seed)
    value = HashNetLoss(6.0, 0.5)(batch.outputs, batch.categories)
    expected = oracle.hashnet(batch.outputs.tolist(), batch.categories.tolist(), 6.0, 0.5)
    assert value.item() == pytest.approx(expected)


def test_hand_worked_example():
    outputs = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    categories = torch.tensor([0, 0, 1])
    # Inner products of the signs: 0 for images 0 and 1, -2 for 0 and 2, 0 for 1 and 2.
    losses, similar = pairwise_losses(outputs, categories, slope=4.0)
    assert similar.tolist() == [True, False, False]
    half = math.log(2)
    assert losses.tolist() == pytest.approx([half, math.log(1 + math.exp(-4)), half])
    value = HashNetLoss(4.0)(outputs, categories)
    assert value.item() == pytest.approx(half + (math.log(1 + math.exp(-4)) + half) / 2)


def test_similar_and_dissimilar_pairs_have_equal_weight():
    """More images at the places of one category are more of its pairs, and change nothing."""
    few = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    many = torch.cat([few, few[:2], few[:2]])
    loss = HashNetLoss()
    assert loss(few, torch.tensor([0, 0, 1])).item() == pytest.approx(
        loss(many, torch.tensor([0, 0, 1, 0, 0, 0, 0])).item()
    )


def test_flipping_all_bits_changes_nothing():
    batch = random_batch(3)
    loss = HashNetLoss()
    assert loss(1 - batch.outputs, batch.categories).item() == pytest.approx(
        loss(batch.outputs, batch.categories).item()
    )


def test_long_codes_do_not_overflow():
    outputs = torch.tensor([[1.0] * 256, [1.0] * 256])
    different = HashNetLoss(1000.0)(outputs, torch.tensor([0, 1]))
    assert different.item() == pytest.approx(1000)
    assert HashNetLoss(1000.0)(outputs, torch.tensor([0, 0])) == 0


@pytest.mark.parametrize("categories", [[-1, -1], [-1, 3]])
def test_no_pairs_give_zero(categories):
    outputs = torch.rand(2, 8, requires_grad=True)
    loss = HashNetLoss()(outputs, torch.tensor(categories))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(outputs.grad, torch.zeros_like(outputs))


def test_gradient():
    batch = random_batch(2)
    assert gradcheck(
        lambda r: HashNetLoss()(r, batch.categories), (batch.outputs.requires_grad_(),)
    )
