import pytest
import torch
from torch.autograd import gradcheck

from dualhash.losses.triplet import TripletLoss, triplet_sums
from tests.losses.batches import random_batch
from tests.oracles import losses as oracle


@pytest.mark.parametrize("margin", [0.3, 4.0])
@pytest.mark.parametrize("seed", range(5))
def test_matches_a_naive_loop(seed, margin):
    batch = random_batch(seed)
    known = batch.categories >= 0
    outputs, categories = batch.outputs[known], batch.categories[known]
    sums, triplets = triplet_sums(outputs, categories, margin)
    losses = oracle.triplets(outputs.tolist(), categories.tolist(), margin)
    assert sums.tolist() == pytest.approx([sum(own) for own in losses])
    assert triplets.tolist() == [len(own) for own in losses]
    value = TripletLoss(margin)(batch.outputs, batch.categories)
    expected = oracle.triplet(batch.outputs.tolist(), batch.categories.tolist(), margin)
    assert value.item() == pytest.approx(expected)


def test_hand_worked_example():
    outputs = torch.tensor([[0.0, 0.0], [0.6, 0.8], [0.0, 0.5], [1.0, 1.0]])
    categories = torch.tensor([0, 0, 1, -1])
    # D01 = 1, D02 = 0.5, D12 = sqrt(0.36 + 0.09); image 2 has no partner, image 3 no category.
    d12 = 0.45**0.5
    sums, triplets = triplet_sums(outputs[:3], categories[:3], margin=4.0)
    assert sums.tolist() == pytest.approx([4.5, 5 - d12, 0])
    assert triplets.tolist() == [1, 1, 0]
    value = TripletLoss()(outputs, categories)
    assert value.item() == pytest.approx((4.5 + 5 - d12) / 3)


def test_small_distances_are_exact():
    outputs = torch.full((40, 256), 0.75)
    outputs[20:, 0] += 2**-10
    categories = torch.arange(40) % 2
    # Of an anchor's 19 partners 9 are as near as 10 of its 20 strangers; 10 are 2**-10 away.
    sums, _ = triplet_sums(outputs, categories, margin=0.0)
    assert sums.tolist() == pytest.approx([10 * 10 * 2**-10] * 40)


def test_triplets_beyond_the_margin_add_nothing():
    outputs = torch.tensor([[0.0], [0.0], [1.0], [1.0]])
    categories = torch.tensor([0, 0, 1, 1])
    assert TripletLoss(margin=0.9)(outputs, categories) == 0
    assert TripletLoss(margin=1.5)(outputs, categories) == 0.5


def test_the_mean_does_not_depend_on_batch_size():
    """More images at the places of the others are more triplets of the same losses."""
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0]]).repeat(2, 1)
    values = []
    for copies in (1, 5):
        outputs = corners.repeat_interleave(copies, dim=0)
        categories = torch.tensor([0, 1, 0, 1]).repeat_interleave(copies)
        values.append(TripletLoss()(outputs, categories).item())
    assert values == pytest.approx([3.0, 3.0])


def test_order_of_the_batch_does_not_matter():
    batch = random_batch(4)
    order = torch.randperm(len(batch.outputs), generator=torch.Generator().manual_seed(0))
    loss = TripletLoss()
    assert loss(batch.outputs[order], batch.categories[order]).item() == pytest.approx(
        loss(batch.outputs, batch.categories).item()
    )


def test_images_without_a_category_do_not_matter():
    batch = random_batch(0)
    known = batch.categories >= 0
    assert not known.all()
    loss = TripletLoss()
    assert loss(batch.outputs, batch.categories).item() == pytest.approx(
        loss(batch.outputs[known], batch.categories[known]).item()
    )


@pytest.mark.parametrize("categories", [[-1, -1, -1], [0, 0, 0], [0, 1, 2], [0, 0, -1]])
def test_no_valid_triplets_give_zero_loss_and_gradient(categories):
    outputs = torch.rand(3, 8, requires_grad=True)
    loss = TripletLoss()(outputs, torch.tensor(categories))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(outputs.grad, torch.zeros_like(outputs))


def test_equal_outputs_have_a_finite_gradient():
    outputs = torch.full((4, 8), 0.5, requires_grad=True)
    loss = TripletLoss()(outputs, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == 4
    assert torch.equal(outputs.grad, torch.zeros_like(outputs))


@pytest.mark.parametrize("margin", [0.3, 4.0])
def test_gradient(margin):
    batch = random_batch(1)
    loss = TripletLoss(margin)
    assert gradcheck(
        lambda r: loss(r, batch.categories),
        (batch.outputs.requires_grad_(),),
    )
