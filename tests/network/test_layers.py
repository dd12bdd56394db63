"""Normalisation, hash layer and heads against values worked by hand."""

import math
import warnings
from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from dualhash.network import BACKBONES, ClassifierHead, Normalise
from dualhash.network.hash_layer import HashLayer

SPEC = replace(BACKBONES["resnet18"], mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25))


def test_normalise_hand_worked_example():
    images = torch.tensor([[[[255, 255, 255], [0, 0, 0]]]], dtype=torch.uint8)
    expected = torch.tensor([[[[1.0, 0.0]], [[1.0, -1.0]], [[0.0, -4.0]]]])
    torch.testing.assert_close(Normalise(SPEC)(images), expected)


def test_normalise_keeps_the_channels_last():
    images = torch.zeros(2, 5, 4, 3, dtype=torch.uint8)
    normalised = Normalise(SPEC)(images)
    assert normalised.shape == (2, 3, 5, 4)
    assert normalised.is_contiguous(memory_format=torch.channels_last)


def test_hash_layer_hand_worked_example():
    layer = HashLayer(features=2, bits=8)
    layer.load_state_dict(
        {
            "weight": torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], *[[0.0, 0.0]] * 5]),
            "bias": torch.tensor([0.0, 0.0, -math.log(9), 0.0, math.log(4), 0.0, 0.0, 0.0]),
        }
    )
    outputs = layer(torch.tensor([[math.log(3), -math.log(3)]]))
    expected = torch.tensor([[0.75, 0.25, 0.1, 0.5, 0.8, 0.5, 0.5, 0.5]])
    torch.testing.assert_close(outputs, expected)


@given(scale=st.floats(1e-3, 1e6), seed=st.integers(0, 2**32))
def test_outputs_are_between_0_and_1(scale: float, seed: int):
    generator = torch.Generator().manual_seed(seed)
    features = scale * torch.randn(4, 5, generator=generator)
    outputs = HashLayer(5, 16)(features)
    assert outputs.shape == (4, 16)
    assert ((outputs >= 0) & (outputs <= 1)).all()


def test_heads_hand_worked_example():
    layer = ClassifierHead(3, 2)
    layer.load_state_dict(
        {
            "weight": torch.tensor([[1.0, 2.0, 4.0], [-1.0, 0.0, 1.0]]),
            "bias": torch.tensor([0.5, -0.5]),
        }
    )
    assert layer(torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.5, 0.0]])).tolist() == [
        [5.5, -0.5],
        [1.5, -0.5],
    ]


def test_a_head_without_classes_has_no_outputs():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        head = ClassifierHead(8, 0)
    assert head(torch.rand(3, 8)).shape == (3, 0)


def test_initial_head_weights_are_within_the_bound():
    head = ClassifierHead(64, 100)
    values = torch.cat([head.weight.flatten(), head.bias]).abs()
    assert 0.12 < values.max() <= 1 / 8
