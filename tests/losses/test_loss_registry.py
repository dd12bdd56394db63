import numpy as np
import pytest

from dualhash.errors import DualhashError
from dualhash.losses import (
    ATTRIBUTE_LOSSES,
    CATEGORY_LOSSES,
    build_category_loss,
)
from dualhash.losses.cosine_margin import CosineMarginLoss
from dualhash.losses.dnnh import DnnhLoss
from dualhash.losses.hashnet import HashNetLoss
from dualhash.losses.hinge import hinge_loss
from dualhash.losses.softmax import SoftmaxLoss
from dualhash.losses.ssdh import SsdhLoss
from dualhash.losses.triplet import TripletLoss
from dualhash.losses.weighted_cross_entropy import AttributeCounts, WeightedCrossEntropy

COUNTS = AttributeCounts(("red",), np.array([1]), np.array([2]))


DEFAULTS = {
    "softmax": {},
    "triplet": {"margin": 4.0},
    "ssdh": {"push": 1.0, "balance": 1.0},
    "hashnet": {"slope": 10.0, "similar": 1.0},
    "dnnh": {"margin": 1.0},
    "cosine-margin": {"margin": 0.2, "scale": 16.0},
}
"""The settings of every category loss, with the values of its paper."""


def test_registries_hold_the_losses_of_the_paper():
    assert list(CATEGORY_LOSSES) == list(DEFAULTS)
    assert list(ATTRIBUTE_LOSSES) == ["weighted-cross-entropy", "cross-entropy", "hinge"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("softmax", SoftmaxLoss),
        ("triplet", TripletLoss),
        ("ssdh", SsdhLoss),
        ("hashnet", HashNetLoss),
        ("dnnh", DnnhLoss),
        ("cosine-margin", CosineMarginLoss),
    ],
)
def test_category_losses_have_the_settings_of_the_paper(name, kind):
    loss = build_category_loss(name)
    assert type(loss) is kind
    assert {setting: getattr(loss, setting) for setting in DEFAULTS[name]} == DEFAULTS[name]


def test_attribute_losses_are_built_by_name():
    assert (
        type(ATTRIBUTE_LOSSES.build("weighted-cross-entropy", {}, COUNTS)) is WeightedCrossEntropy
    )
    assert ATTRIBUTE_LOSSES.build("hinge", {}, COUNTS) is hinge_loss


def test_unknown_category_loss_suggests_the_nearest():
    with pytest.raises(DualhashError, match=r"'sofmax'.*Did you mean 'softmax'"):
        build_category_loss("sofmax", {})


def test_unknown_attribute_loss_suggests_the_nearest():
    with pytest.raises(DualhashError, match=r"'hing'.*Did you mean 'hinge'"):
        ATTRIBUTE_LOSSES.build("hing", {}, COUNTS)


@pytest.mark.parametrize("name", DEFAULTS)
def test_unknown_settings_of_a_loss_are_refused(name):
    loss = build_category_loss(name, dict.fromkeys(DEFAULTS[name], 0.25))
    assert all(getattr(loss, setting) == 0.25 for setting in DEFAULTS[name])
    with pytest.raises(DualhashError, match="has no setting 'marign'"):
        build_category_loss(name, {"marign": 1.0})
