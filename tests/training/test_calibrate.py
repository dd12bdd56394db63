import numpy as np
import pytest

from dualhash.codes.linear_head import LinearHead, sigmoid
from dualhash.evaluation.true_labels import TrueLabels
from dualhash.training.calibrate import LEAST_SCALE, calibrate, fit_attribute, fit_categories

RNG = np.random.default_rng(0)
N, BITS, NAMES, KINDS = 600, 24, ("red", "new", "rare"), ("hat", "shoe", "bag")


def heads(rng: np.random.Generator) -> tuple[LinearHead, LinearHead]:
    return tuple(
        LinearHead(names, rng.normal(size=(3, BITS)).astype(np.float32), np.zeros(3, np.float32))
        for names in (KINDS, NAMES)
    )


@pytest.fixture
def case() -> tuple[np.ndarray, LinearHead, LinearHead, TrueLabels]:
    """Labels drawn with a third of the logits that the heads predict, shifted by -1."""
    rng = np.random.default_rng(1)
    bits = rng.random((N, BITS)) < 0.5
    category_head, attribute_head = heads(rng)
    logits = category_head.scores(bits) / 3
    categories = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    attributes = rng.random((N, 3)) < sigmoid(attribute_head.scores(bits) / 3 - 1)
    labels = TrueLabels(categories, attributes.astype(np.int8), np.ones((N, 3), bool))
    return bits, category_head, attribute_head, labels


def test_calibration_finds_scale_and_shift(case):
    bits, category_head, attribute_head, labels = case
    found = calibrate(bits, category_head, attribute_head, labels)
    head = found.calibrated_attribute_head
    assert head.names == NAMES
    assert head.weight == pytest.approx(attribute_head.weight / 3, abs=0.3)
    assert head.bias == pytest.approx(-1, abs=0.5)
    assert found.calibrated_category_head.weight == pytest.approx(category_head.weight / 3, abs=0.3)
    errors = found.calibration.errors
    assert errors.attribute < errors.attribute_before
    assert errors.category < errors.category_before
    assert list(found.calibration.thresholds) == list(NAMES)
    assert found.calibration.posterior is not None


def test_the_mean_probability_is_the_share_of_present_labels():
    """A property of the likelihood: its gradient in the shift is 0 (up to one image each)."""
    scores = RNG.normal(size=500)
    present = RNG.random(500) < sigmoid(2 * scores - 2)
    scale, shift = fit_attribute(scores, present)
    assert sigmoid(scale * scores + shift).mean() == pytest.approx(present.mean(), abs=0.01)


def test_calibrated_probabilities_keep_the_order():
    scores = np.linspace(-1, 1, 200)
    scale, _ = fit_attribute(scores, scores < 0)  # all predictions are wrong
    assert scale == LEAST_SCALE


@pytest.mark.parametrize("present", [[], [True], [False] * 20])
def test_few_labels_change_the_scale_little(present: list[bool]):
    scores = np.linspace(-2, 2, len(present))
    scale, shift = fit_attribute(scores, np.array(present, bool))
    assert 0.4 < scale < 2
    assert abs(shift) < 5
    if not present:
        assert (scale, shift) == (1, 0)


def test_categories_that_are_twice_as_common_are_shifted_up():
    categories = np.repeat([0, 1], [200, 100])
    scale, shift = fit_categories(np.zeros((300, 2)), categories)
    assert scale == 1
    assert shift[0] - shift[1] == pytest.approx(np.log(2), abs=0.1)


def test_without_labels_the_heads_stay_as_they_are(case):
    bits, category_head, attribute_head, labels = case
    unlabelled = TrueLabels(np.full(N, -1), labels.attributes, np.zeros((N, 3), bool))
    found = calibrate(bits, category_head, attribute_head, unlabelled)
    for before, after in (
        (category_head, found.calibrated_category_head),
        (attribute_head, found.calibrated_attribute_head),
    ):
        assert np.array_equal(after.weight, before.weight)
        assert np.array_equal(after.bias, before.bias)
    assert found.calibration.errors.attribute is None
    assert found.calibration.thresholds["red"].balanced == 0.5


def test_a_model_without_categories_is_calibrated(case):
    bits, _, attribute_head, labels = case
    none = LinearHead((), np.empty((0, BITS), np.float32), np.empty(0, np.float32))
    found = calibrate(bits, none, attribute_head, labels._replace(categories=np.full(N, -1)))
    assert found.calibrated_category_head.weight.shape == (0, BITS)
    assert found.calibration.errors.category is None
