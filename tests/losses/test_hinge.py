import pytest
import torch
from torch.autograd import gradcheck

from dualhash.losses.hinge import hinge_loss
from tests.losses.batches import random_batch
from tests.oracles import losses as oracle


@pytest.mark.parametrize("seed", range(5))
def test_matches_a_naive_loop(seed):
    batch = random_batch(seed)
    losses = hinge_loss(batch.attribute_logits, batch.attributes)
    for logits, attributes, row in zip(
        batch.attribute_logits.tolist(), batch.attributes.tolist(), losses.tolist(), strict=True
    ):
        assert row == pytest.approx(list(map(oracle.hinge, logits, attributes)))


def test_hand_worked_example():
    logits = torch.tensor([2.0, 0.25, -3.0, 2.0, 0.25, -3.0])
    attributes = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    assert hinge_loss(logits, attributes).tolist() == [0, 0.75, 4, 3, 1.25, 0]


def test_swapping_present_and_absent_mirrors_the_loss():
    batch = random_batch(6)
    torch.testing.assert_close(
        hinge_loss(-batch.attribute_logits, 1 - batch.attributes),
        hinge_loss(batch.attribute_logits, batch.attributes),
    )


def test_gradient():
    batch = random_batch(1)
    assert gradcheck(
        lambda z: hinge_loss(z, batch.attributes), (batch.attribute_logits.requires_grad_(),)
    )
