"""What holds for every shallow method that learns category codes."""

import numpy as np
import pytest

from dualhash.baselines import METHODS
from dualhash.baselines.common.features import Features
from dualhash.baselines.common.shallow_method import ShallowMethod
from dualhash.errors import DualhashError
from dualhash.evaluation.true_labels import TrueLabels
from tests.baselines.digits_data import digits, mean_average_precision

SUPERVISED = ("cca-itq", "dbc", "ksh", "sdh")


def fit(name: str, features: Features, bits: int, seed: int = 0):
    method = METHODS[name]
    assert isinstance(method, ShallowMethod)
    return method.fit(features, bits, np.random.default_rng(seed))


# Random codes reach 0.10, the features themselves 0.68, which the supervised ones must beat; only
# DBC, whose first 16 principal components are all it starts from, comes no more than near.
LEAST = {"lsh": 0.3, "itq": 0.55, "cca-itq": 0.72, "dbc": 0.65, "ksh": 0.72, "sdh": 0.72}


@pytest.mark.parametrize(("name", "least"), LEAST.items())
def test_map_on_digits_is_far_above_chance(name: str, least: float):
    train, test = digits()
    function = fit(name, train, 16)
    outputs = function.outputs(test.values)
    assert outputs.shape == (len(test.values), 16)
    assert outputs.dtype == np.float32
    assert mean_average_precision(outputs > 0.5, test) > least


@pytest.mark.parametrize("name", ["lsh", "itq", *SUPERVISED])
def test_the_same_seed_gives_the_same_function(name: str):
    train = digits()[0].take(np.arange(200))
    one, again = fit(name, train, 8), fit(name, train, 8)
    np.testing.assert_array_equal(one.weight, again.weight)
    np.testing.assert_array_equal(one.bias, again.bias)


@pytest.mark.parametrize("name", ["lsh", "itq", "cca-itq", "ksh", "sdh"])
def test_codes_may_be_longer_than_features(name: str):
    train = digits()[0].take(np.arange(150))
    values = train.values[:, 20:28]
    function = fit(name, Features(values, train.labels), 16)
    bits = function.outputs(values) > 0.5
    assert bits.shape == (150, 16)
    assert (bits.any(axis=0) & ~bits.all(axis=0)).mean() > 0.7  # few bits are the same for all


@pytest.mark.parametrize("name", SUPERVISED)
def test_images_without_a_category_change_nothing(name: str):
    train = digits()[0].take(np.arange(150))
    hidden = Features(
        np.concatenate([train.values, train.values[::-1]]),
        TrueLabels(
            np.concatenate([train.labels.categories, np.full(150, -1)]),
            *(np.concatenate([part, part]) for part in train.labels[1:]),
        ),
    )
    np.testing.assert_array_equal(fit(name, hidden, 8).weight, fit(name, train, 8).weight)


@pytest.mark.parametrize("name", SUPERVISED)
def test_one_category_is_refused(name: str):
    train = digits()[0]
    alike = train.take(np.flatnonzero(train.labels.categories == 3))
    with pytest.raises(DualhashError, match="fewer than two"):
        fit(name, alike, 8)
