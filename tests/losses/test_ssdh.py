import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from dualhash.losses.softmax import SoftmaxLoss
from dualhash.losses.ssdh import SsdhLoss, balance_loss, binarisation_loss
from tests.losses.batches import random_batch
from tests.oracles import losses as oracle


@pytest.mark.parametrize("seed", range(5))
def test_matches_a_naive_loop(seed):
    batch = random_batch(seed)
    value = SsdhLoss(0.7, 0.3)(batch.outputs, batch.categories, batch.category_logits)
    parts = (batch.category_logits, batch.outputs, batch.categories)
    expected = oracle.ssdh(*(tensor.tolist() for tensor in parts), 0.7, 0.3)
    assert value.item() == pytest.approx(expected)


def test_hand_worked_example():
    outputs = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.5, 0.7]])
    assert binarisation_loss(outputs).item() == pytest.approx(-(4 * 0.25 + 0.04) / 6 / 2)
    assert balance_loss(outputs).item() == pytest.approx((0 + 0.25 + 0.01) / 3 / 2)


def test_half_set_binary_outputs_minimise_both_penalties():
    best = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    assert (binarisation_loss(best).item(), balance_loss(best).item()) == (-1 / 8, 0)
    assert binarisation_loss(torch.full((1, 4), 0.5)) == 0
    assert balance_loss(torch.ones(1, 4)).item() == 1 / 8


@given(seed=st.integers(0, 1000))
def test_flipping_all_bits_changes_neither_push_nor_balance(seed):
    outputs = random_batch(seed).outputs
    assert binarisation_loss(1 - outputs).item() == pytest.approx(binarisation_loss(outputs).item())
    assert balance_loss(1 - outputs).item() == pytest.approx(balance_loss(outputs).item())


def test_zero_push_and_balance_give_the_softmax_loss():
    batch = random_batch(0)
    given_ = (batch.outputs, batch.categories, batch.category_logits)
    assert SsdhLoss(0, 0)(*given_).item() == pytest.approx(SoftmaxLoss()(*given_).item())


def test_images_without_a_category_are_ignored():
    batch = random_batch(1)
    known = batch.categories >= 0
    assert not known.all()
    loss = SsdhLoss()
    all_, only = (
        loss(b.outputs, b.categories, b.category_logits) for b in (batch, batch.take(known))
    )
    assert all_.item() == pytest.approx(only.item())
    assert loss(batch.outputs, torch.full((9,), -1), batch.category_logits) == 0


def test_gradient():
    batch = random_batch(2)
    inputs = (batch.outputs.requires_grad_(), batch.category_logits.requires_grad_())
    assert gradcheck(lambda r, z: SsdhLoss()(r, batch.categories, z), inputs)
