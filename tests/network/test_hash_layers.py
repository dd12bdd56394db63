import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dualhash.errors import DualhashError
from dualhash.network import HASH_LAYERS, HashLayer
from dualhash.network.dnnh_layer import SliceLayer, piecewise_threshold
from dualhash.network.hashnet_layer import ContinuationLayer


def features(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", HASH_LAYERS)
def test_every_layer_is_built_for_any_number_of_bits(name: str):
    torch.manual_seed(0)
    layer = HASH_LAYERS.build(name, {}, 6, 11)
    outputs = layer(features())
    assert outputs.shape == (4, layer.out_features)
    if name == "none":
        assert torch.equal(outputs, features())
    else:
        assert layer.out_features == 11
        assert ((outputs >= 0) & (outputs <= 1)).all()


def test_unknown_layers_and_settings_are_refused():
    with pytest.raises(DualhashError, match=r"no hash layer 'sigmoit'.*'sigmoid'"):
        HASH_LAYERS.build("sigmoit", {}, 6, 8)
    with pytest.raises(DualhashError, match=r"no setting 'epsilom'.*'epsilon'"):
        HASH_LAYERS.build("slices", {"epsilom": 0.1}, 6, 8)


def test_settings_reach_the_layer():
    layer = HASH_LAYERS.build("slices", {"slice_size": 5, "epsilon": 0.2}, 6, 8)
    assert layer.weight.shape == (8, 5)
    assert layer.epsilon == 0.2
    assert HASH_LAYERS.build("continuation", {"growth": 3.0}, 6, 8).growth == 3


def test_continuation_goes_from_tanh_to_a_step():
    layer = ContinuationLayer(2, 1)
    layer.load_state_dict(
        {
            "weight": torch.tensor([[1.0, 0.0]]),
            "bias": torch.tensor([0.5]),
            "beta": torch.ones(()),
        }
    )
    given_ = torch.tensor([[0.25, 9.0]])
    assert layer(given_).item() == pytest.approx((math.tanh(0.75) + 1) / 2)
    layer.set_progress(1.0)
    assert layer(given_).item() == pytest.approx((math.tanh(51**0.5 * 0.75) + 1) / 2)
    layer.set_progress(0.48)
    assert layer.beta.item() == pytest.approx(5)


def test_continuation_never_changes_a_bit():
    torch.manual_seed(0)
    layer = ContinuationLayer(6, 16)
    before = layer(features()) > 0.5
    layer.set_progress(0.9)
    assert torch.equal(layer(features()) > 0.5, before)
    plain = HashLayer(6, 16)
    plain.load_state_dict({"weight": layer.weight, "bias": layer.bias})
    assert torch.equal(plain(features()) > 0.5, before)


def test_slices_hand_worked_example():
    layer = SliceLayer(1, 2, slice_size=2, epsilon=0.1)
    layer.load_state_dict(
        {
            "slices.weight": torch.tensor([[1.0], [-1.0], [2.0], [3.0]]),
            "slices.bias": torch.tensor([0.0, 0.0, 0.0, -4.0]),
            "weight": torch.tensor([[math.log(3), 5.0], [0.05, 0.1]]),
            "bias": torch.tensor([0.0, 0.0]),
        }
    )
    # relu: [1, 0] and [2, 0]; then log 3 and 0.1 before the sigmoid.
    given_ = torch.tensor([[1.0]])
    expected = torch.tensor([[0.75, 1 / (1 + math.exp(-0.1))]])
    torch.testing.assert_close(layer.eval()(given_), expected)
    expected[0, 0] = 1
    torch.testing.assert_close(layer.train()(given_), expected)


def test_each_bit_depends_only_on_its_slice():
    torch.manual_seed(0)
    layer = SliceLayer(6, 4, slice_size=3).eval()
    before = layer(features())
    layer.slices.weight.data[3:6] += 1
    changed = (layer(features()) != before).any(dim=0)
    assert changed.tolist() == [False, True, False, False]


@given(output=st.floats(0, 1), epsilon=st.floats(0.01, 0.5))
def test_threshold_keeps_bits_and_saturates_clear_outputs(output: float, epsilon: float):
    (found,) = piecewise_threshold(torch.tensor([output], dtype=torch.float64), epsilon).tolist()
    assert (found > 0.5) == (output > 0.5)
    assert found in (0.0, 1.0, output)
    assert (found == output) or abs(output - 0.5) > epsilon
