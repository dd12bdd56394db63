import torch

from dualhash.network.straight_through_layer import StraightThroughLayer


def layer() -> StraightThroughLayer:
    torch.manual_seed(0)
    return StraightThroughLayer(5, 8, slope=3.0)


def test_outputs_in_training_are_bits():
    outputs = layer()(torch.randn(64, 5))
    assert set(outputs.unique().tolist()) == {0.0, 1.0}


def test_outputs_in_evaluation_round_to_the_bits():
    made, features = layer(), torch.randn(64, 5)
    made(features)
    made.eval()
    outputs = made(features)
    units = made.normalise(made.linear(features))
    assert ((outputs > 0.5) == (units > 0)).all()
    torch.testing.assert_close(outputs, 1 / (1 + torch.exp(-3.0 * units)))


def test_the_gradient_is_that_of_the_sigmoid():
    made, features = layer(), torch.randn(16, 5)
    weights = torch.randn(16, 8)
    (made(features) * weights).sum().backward()
    found = made.linear.weight.grad.clone()
    made.linear.weight.grad = None
    units = made.normalise(made.linear(features))
    (torch.sigmoid(3.0 * units) * weights).sum().backward()
    torch.testing.assert_close(found, made.linear.weight.grad)


def test_bits_are_balanced_over_a_batch():
    shares = layer()(torch.randn(2000, 5) + 3).mean(dim=0)
    assert ((shares > 0.4) & (shares < 0.6)).all()
