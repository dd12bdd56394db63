import math

import pytest
import torch
from torch.autograd import gradcheck

from dualhash.losses.softmax import SoftmaxLoss, softmax_loss
from tests.losses.batches import random_batch
from tests.oracles import losses as oracle


@pytest.mark.parametrize("seed", range(5))
def test_matches_a_naive_loop(seed):
    batch = random_batch(seed)
    expected = oracle.softmax(batch.category_logits.tolist(), batch.categories.tolist())
    assert softmax_loss(batch.category_logits, batch.categories).item() == pytest.approx(expected)


def test_hand_worked_example():
    logits = torch.tensor([[0.0, math.log(3)], [5.0, -5.0], [0.0, 0.0]])
    # Probabilities of the true categories: 1/4, (no category), 1/2.
    assert softmax_loss(logits, torch.tensor([0, -1, 1])).item() == pytest.approx(math.log(8) / 2)


def test_images_without_a_category_do_not_matter():
    batch = random_batch(0)
    assert (batch.categories < 0).any()
    changed = batch.category_logits.clone()
    changed[batch.categories < 0] = 100.0
    assert softmax_loss(changed, batch.categories) == softmax_loss(
        batch.category_logits, batch.categories
    )


@pytest.mark.parametrize("categories", [0, 3])
def test_no_labelled_images_give_zero_loss_and_gradient(categories):
    logits = torch.randn(4, categories, requires_grad=True)
    loss = softmax_loss(logits, torch.full((4,), -1))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_gradient():
    batch = random_batch(1)
    logits = batch.category_logits.requires_grad_()
    assert gradcheck(lambda z: softmax_loss(z, batch.categories), (logits,))


def test_module_ignores_hash_outputs():
    batch = random_batch(2)
    value = SoftmaxLoss()(batch.outputs, batch.categories, batch.category_logits)
    other = SoftmaxLoss()(1 - batch.outputs, batch.categories, batch.category_logits)
    assert value == other == softmax_loss(batch.category_logits, batch.categories)
