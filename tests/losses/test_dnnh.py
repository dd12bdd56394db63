import pytest
import torch
from torch.autograd import gradcheck

from dualhash.losses.dnnh import DnnhLoss
from tests.losses.batches import random_batch
from tests.oracles import losses as oracle


@pytest.mark.parametrize("seed", range(5))
def test_matches_a_naive_loop(seed):
    batch = random_batch(seed)
    value = DnnhLoss(1.5)(batch.outputs, batch.categories)
    expected = oracle.dnnh(batch.outputs.tolist(), batch.categories.tolist(), 1.5)
    assert value.item() == pytest.approx(expected)


def test_hand_worked_example():
    outputs = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1.0, 1.0]])
    # Squared distances: 0.25 within the category, 2 and 1.25 to the stranger.
    value = DnnhLoss()(outputs, torch.tensor([0, 0, 1]))
    assert value.item() == pytest.approx((0 + 0 + 0) / 3)
    wider = DnnhLoss(margin=2.0)(outputs, torch.tensor([0, 0, 1]))
    assert wider.item() == pytest.approx((0.25 + 1.0) / 3)


def test_on_bits_it_compares_hamming_distances():
    """The square of a Euclidean distance of bits is their number of differences."""
    bits = torch.tensor([[0.0, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    value = DnnhLoss(margin=5.0)(bits, torch.tensor([0, 0, 1]))
    assert value.item() == pytest.approx((2 + 5 - 1 + 2 + 5 - 1) / 3)


def test_gradient():
    batch = random_batch(2)
    assert gradcheck(lambda r: DnnhLoss()(r, batch.categories), (batch.outputs.requires_grad_(),))
