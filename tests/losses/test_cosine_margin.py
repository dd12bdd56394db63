import math

import torch
from torch.nn import functional

from dualhash.losses.cosine_margin import CosineMarginLoss
from tests.oracles import losses as oracle


def test_matches_a_naive_sum():
    torch.manual_seed(0)
    logits, categories = 8 * torch.rand(6, 4) - 4, torch.tensor([0, 3, -1, 2, -1, 1])
    loss = CosineMarginLoss(margin=0.3, scale=4.0)(torch.zeros(6, 8), categories, logits)
    expected = oracle.cosine_margin(logits.tolist(), categories.tolist(), 0.3, 4.0)
    assert abs(loss.item() - expected) < 1e-5


def test_hand_worked_example():
    """Two categories, logits 2 and 0, margin 0.5 at scale 2: log(1 + exp(0 - 1))."""
    loss = CosineMarginLoss(margin=0.5, scale=2.0)
    value = loss(torch.zeros(1, 8), torch.tensor([0]), torch.tensor([[2.0, 0.0]]))
    assert abs(value.item() - math.log(1 + math.exp(-1))) < 1e-6


def test_zero_margin_gives_the_softmax_loss():
    logits, categories = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    loss = CosineMarginLoss(margin=0.0)(torch.zeros(5, 8), categories, logits)
    torch.testing.assert_close(loss, functional.cross_entropy(logits, categories))


def test_missing_categories_are_ignored():
    logits = torch.randn(2, 3, requires_grad=True)
    loss = CosineMarginLoss()(torch.zeros(2, 8), torch.tensor([-1, -1]), logits)
    assert loss.item() == 0
    loss.backward()
    assert not logits.grad.any()
