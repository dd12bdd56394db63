import numpy as np
import pytest

from dualhash.errors import DualhashError, settings_of
from dualhash.losses import (
    ATTRIBUTE_LOSSES,
    CATEGORY_LOSSES,
    build_attribute_loss,
    build_category_loss,
)
from dualhash.losses.weighted_cross_entropy import AttributeCounts

COUNTS = AttributeCounts(("red",), np.array([1]), np.array([2]))


def test_the_papers_losses_are_there():
    assert set(CATEGORY_LOSSES) >= {"softmax", "triplet", "ssdh", "hashnet", "dnnh"}
    assert set(ATTRIBUTE_LOSSES) >= {"weighted-cross-entropy", "hinge"}


def test_the_triplet_loss_has_the_papers_margin():
    assert build_category_loss("triplet", {}).margin == 4


def test_unknown_category_loss_names_the_nearest():
    with pytest.raises(DualhashError, match=r"'sofmax'.*Did you mean 'softmax'"):
        build_category_loss("sofmax", {})


def test_unknown_attribute_loss_names_the_nearest():
    with pytest.raises(DualhashError, match=r"'hing'.*Did you mean 'hinge'"):
        build_attribute_loss("hing", COUNTS)


@pytest.mark.parametrize("name", CATEGORY_LOSSES)
def test_every_category_loss_takes_its_settings_and_no_others(name):
    settings = settings_of(CATEGORY_LOSSES[name])
    loss = build_category_loss(name, dict.fromkeys(settings, 0.25))
    assert all(getattr(loss, setting) == 0.25 for setting in settings)
    with pytest.raises(DualhashError, match="has no setting 'marign'"):
        build_category_loss(name, {"marign": 1.0})
