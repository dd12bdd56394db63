import numpy as np
import pytest

from dualhash.errors import DualhashError
from dualhash.losses import (
    ATTRIBUTE_LOSSES,
    CATEGORY_LOSSES,
    build_attribute_loss,
    build_category_loss,
)
from dualhash.losses.attribute_counts import AttributeCounts

COUNTS = AttributeCounts(("red",), np.array([1]), np.array([2]))


def test_the_papers_losses_are_there():
    assert set(CATEGORY_LOSSES) >= {"softmax", "triplet"}
    assert set(ATTRIBUTE_LOSSES) >= {"weighted-cross-entropy", "hinge"}


def test_the_triplet_loss_has_the_papers_margin():
    assert build_category_loss("triplet").margin == 4


def test_unknown_category_loss_names_the_nearest():
    with pytest.raises(DualhashError, match=r"'sofmax'.*Did you mean 'softmax'"):
        build_category_loss("sofmax")


def test_unknown_attribute_loss_names_the_nearest():
    with pytest.raises(DualhashError, match=r"'hing'.*Did you mean 'hinge'"):
        build_attribute_loss("hing", COUNTS)
