import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from dualhash.losses import (
    ATTRIBUTE_LOSSES,
    CATEGORY_LOSSES,
    JointLoss,
    build_category_loss,
)
from dualhash.losses.joint_loss import attribute_means
from dualhash.losses.weighted_cross_entropy import AttributeCounts
from tests.losses.batches import Batch, random_batch
from tests.oracles import losses as oracle

POSITIVES, NEGATIVES = [1, 10, 50, 3], [99, 10, 5, 4]
COUNTS = AttributeCounts(tuple("abcd"), np.array(POSITIVES), np.array(NEGATIVES))

pairs = pytest.mark.parametrize(
    ("category", "attribute"),
    [(category, attribute) for category in CATEGORY_LOSSES for attribute in ATTRIBUTE_LOSSES],
)


def joint(category: str, attribute: str, alpha: float = 0.5) -> JointLoss:
    return JointLoss(
        build_category_loss(category), ATTRIBUTE_LOSSES.build(attribute, {}, COUNTS), alpha
    )


def naive_attribute_losses(name: str, batch: Batch) -> list[list[float]]:
    losses = []
    for logits, labels in zip(
        batch.attribute_logits.tolist(), batch.attributes.tolist(), strict=True
    ):
        if name == "hinge":
            losses.append(list(map(oracle.hinge, logits, labels)))
        elif name == "cross-entropy":
            losses.append(list(map(oracle.cross_entropy, logits, labels)))
        else:
            losses.append(
                list(map(oracle.weighted_cross_entropy, logits, labels, POSITIVES, NEGATIVES))
            )
    return losses


def naive_category_loss(name: str, batch: Batch) -> float:
    outputs, logits, categories = (
        tensor.tolist() for tensor in (batch.outputs, batch.category_logits, batch.categories)
    )
    return {
        "softmax": lambda: oracle.softmax(logits, categories),
        "triplet": lambda: oracle.triplet(outputs, categories, 4),
        "ssdh": lambda: oracle.ssdh(logits, outputs, categories),
        "hashnet": lambda: oracle.hashnet(outputs, categories),
        "dnnh": lambda: oracle.dnnh(outputs, categories),
        "cosine-margin": lambda: oracle.cosine_margin(logits, categories),
    }[name]()


@pairs
@pytest.mark.parametrize("seed", range(3))
def test_matches_a_naive_loop(category, attribute, seed):
    batch = random_batch(seed)
    value = joint(category, attribute, alpha=0.3)(batch.output, *batch.labels)
    expected_category = naive_category_loss(category, batch)
    expected_attribute = oracle.attribute_term(
        naive_attribute_losses(attribute, batch), batch.observed.tolist()
    )
    assert value.category.item() == pytest.approx(expected_category)
    assert value.attribute.item() == pytest.approx(expected_attribute)
    assert value.total.item() == pytest.approx(expected_category + 0.3 * expected_attribute)


def test_attribute_means_hand_worked_example():
    losses = torch.tensor([[2.0, 5.0, 9.0], [4.0, 1.0, 9.0]])
    observed = torch.tensor([[True, True, False], [True, False, False]])
    assert attribute_means(losses, observed).tolist() == [3, 5, 0]


@pairs
def test_gradient(category, attribute):
    batch = random_batch(1)
    output = tuple(tensor.requires_grad_() for tensor in batch.output)
    loss = joint(category, attribute)
    assert gradcheck(lambda *tensors: loss(tensors, *batch.labels).total, output)


@pairs
def test_order_of_the_batch_does_not_matter(category, attribute):
    batch = random_batch(2)
    order = torch.randperm(len(batch.outputs), generator=torch.Generator().manual_seed(0))
    loss = joint(category, attribute)
    shuffled = batch.take(order)
    assert loss(shuffled.output, *shuffled.labels).total.item() == pytest.approx(
        loss(batch.output, *batch.labels).total.item()
    )


@pairs
def test_masked_labels_and_predictions_do_not_matter(category, attribute):
    batch = random_batch(3)
    hidden = ~batch.observed
    assert hidden.any()
    changed = batch._replace(
        attributes=torch.where(hidden, 1.0, batch.attributes),
        attribute_logits=torch.where(hidden, 7.0, batch.attribute_logits),
    )
    loss = joint(category, attribute)
    assert loss(changed.output, *changed.labels).total == loss(batch.output, *batch.labels).total


@pairs
def test_images_without_any_label_do_not_matter(category, attribute):
    batch = random_batch(4)
    batch.categories[:3] = -1
    batch.observed[:3] = False
    loss = joint(category, attribute)
    rest = batch.take(slice(3, None))
    assert loss(batch.output, *batch.labels).total.item() == pytest.approx(
        loss(rest.output, *rest.labels).total.item()
    )


@pairs
def test_no_labels_give_zero_loss_and_gradient(category, attribute):
    batch = random_batch(5)
    output = tuple(tensor.requires_grad_() for tensor in batch.output)
    categories = torch.full_like(batch.categories, -1)
    observed = torch.zeros_like(batch.observed)
    total = joint(category, attribute)(output, categories, batch.attributes, observed).total
    total.backward()
    assert total.item() == 0
    assert not output[2].grad.any()


def test_alpha_0_gives_attributes_no_gradient():
    batch = random_batch(6)
    output = tuple(tensor.requires_grad_() for tensor in batch.output)
    joint("softmax", "hinge", alpha=0)(output, *batch.labels).total.backward()
    assert output[1].grad.any()
    assert not output[2].grad.any()


def test_no_attributes_leave_the_category_loss():
    batch = random_batch(7)
    none = AttributeCounts((), np.zeros(0, int), np.zeros(0, int))
    loss = JointLoss(
        build_category_loss("softmax"),
        ATTRIBUTE_LOSSES.build("weighted-cross-entropy", {}, none),
        0.1,
    )
    value = loss(
        (batch.outputs, batch.category_logits, batch.attribute_logits[:, :0]),
        batch.categories,
        batch.attributes[:, :0],
        batch.observed[:, :0],
    )
    assert value.total == value.category > 0
