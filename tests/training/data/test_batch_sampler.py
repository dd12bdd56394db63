from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualhash.training.config import TrainConfig
from dualhash.training.data.batch_sampler import BatchPlan, batches, plan_batches

PAPER = TrainConfig()


def partly_labelled(
    categories: int = 20, each: int = 10, attribute_only: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    """Category images first (every other with attributes), then those with attributes alone."""
    with_category = np.repeat(np.arange(categories), each)
    labels = np.concatenate([with_category, np.full(attribute_only, -1)])
    observed = np.ones((len(labels), 3), bool)
    observed[: len(with_category) : 2] = False
    return labels, observed


def draw(plan: BatchPlan, count: int, seed: int = 0) -> list[np.ndarray]:
    return list(islice(batches(plan, np.random.default_rng(seed)), count))


def test_the_papers_batch_is_64_attribute_images_and_16_categories_of_4():
    labels, observed = partly_labelled()
    plan = plan_batches(labels, observed, PAPER)
    assert plan.notes == ()
    for batch in draw(plan, 30):
        assert len(batch) == 128 == plan.size
        assert (labels[batch[:64]] == -1).all()
        seen, counts = np.unique(labels[batch[64:]], return_counts=True)
        assert len(seen) == 16
        assert (counts == 4).all()
        assert len(np.unique(batch)) == 128
        assert observed[batch].any(axis=0).all()


def test_all_images_are_drawn_before_any_repeats():
    labels, observed = partly_labelled(categories=20, each=8)
    plan = plan_batches(labels, observed, PAPER)
    drawn = np.concatenate([batch[64:] for batch in draw(plan, 10)])
    # 10 batches of 16 categories are 8 passes over 20, and each pass takes 4 of a category's 8.
    assert (np.bincount(drawn, minlength=160)[:160] == 4).all()
    for category in range(20):
        of_category = drawn[labels[drawn] == category]
        for start in range(0, len(of_category), 8):
            assert len(set(of_category[start : start + 8])) == 8


def test_attribute_images_are_drawn_in_passes():
    labels, observed = partly_labelled(attribute_only=100)
    drawn = np.concatenate(
        [batch[:64] for batch in draw(plan_batches(labels, observed, PAPER), 25)]
    )
    assert (np.bincount(drawn)[200:] == 16).all()


def test_batches_are_deterministic_for_a_seed():
    plan = plan_batches(*partly_labelled(), PAPER)
    first, again, other = draw(plan, 5, 1), draw(plan, 5, 1), draw(plan, 5, 2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_few_categories_give_more_images_each_with_a_note():
    plan = plan_batches(*partly_labelled(categories=5, each=20), PAPER)
    assert (plan.categories_per_batch, plan.images_per_category) == (5, 12)
    assert "Only 5 categories" in plan.notes[0]


def test_few_images_repeat_with_a_note():
    labels, observed = partly_labelled(categories=16, each=2)
    plan = plan_batches(labels, observed, PAPER)
    assert "16 of 16 categories have fewer than 4" in plan.notes[0]
    for batch in draw(plan, 3):
        assert (np.bincount(batch[64:], minlength=32)[:32] == 2).all()


def test_images_with_both_labels_replace_attribute_images_with_a_note():
    labels, observed = partly_labelled(attribute_only=0)
    plan = plan_batches(labels, observed, PAPER)
    assert "0 training images have attributes and no category" in plan.notes[0]
    for batch in draw(plan, 5):
        assert observed[batch[:64]].all()
        assert len(batch) == 128


def test_all_images_are_attribute_images_without_categories():
    labels, observed = partly_labelled(categories=0, attribute_only=300)
    plan = plan_batches(labels, observed, PAPER)
    assert "attributes alone" in plan.notes[0]
    assert [len(batch) for batch in draw(plan, 2)] == [128, 128]


def test_batches_are_only_class_aware_without_attributes():
    labels, observed = partly_labelled(attribute_only=0)
    plan = plan_batches(labels, observed[:, :0], PAPER)
    assert "categories alone" in plan.notes[0]
    assert plan.size == 64


def test_images_without_any_label_are_left_out_and_counted():
    labels, observed = partly_labelled()
    observed[-7:] = False
    plan = plan_batches(labels, observed, PAPER)
    assert plan.notes[0].startswith("7 training images have no label")
    assert max(batch.max() for batch in draw(plan, 10)) < len(labels) - 7


@pytest.mark.parametrize("shuffled", [None, 40])
def test_rare_labels_are_in_every_batch(shuffled: int | None):
    labels, observed = partly_labelled()
    observed[:, 1] = False
    observed[250:252, 1] = True
    plan = plan_batches(labels, observed, TrainConfig(shuffled_images=shuffled))
    for batch in draw(plan, 40):
        assert observed[batch].any(axis=0).all()
        assert (labels[batch] != -1).any()


def test_shuffled_batches_cover_all_images():
    labels, observed = partly_labelled()
    plan = plan_batches(labels, observed, TrainConfig(shuffled_images=100))
    drawn = np.concatenate(draw(plan, 6))
    assert (np.bincount(drawn, minlength=300) == 2).all()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_batches_contain_every_kind_of_label(data: st.DataObject):
    n = data.draw(st.integers(1, 30))
    labels = np.array(data.draw(st.lists(st.integers(-1, 4), min_size=n, max_size=n)))
    observed = np.array(
        data.draw(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=n, max_size=n))
    )
    if (labels == -1).all() and not observed.any():
        return
    config = TrainConfig(
        attribute_images=6,
        categories_per_batch=2,
        images_per_category=2,
        shuffled_images=data.draw(st.sampled_from([None, 8])),
    )
    plan = plan_batches(labels, observed, config)
    for batch in draw(plan, 8):
        assert len(batch) == plan.size
        assert (observed[batch].any(axis=0) == observed.any(axis=0)).all()
        assert (labels[batch] != -1).any() == (labels != -1).any()
