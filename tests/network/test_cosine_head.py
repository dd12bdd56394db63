import math

import torch

from dualhash.network.cosine_head import CosineHead


def test_matches_naive_cosines():
    torch.manual_seed(0)
    head, outputs = CosineHead(8, 3, scale=5.0), torch.rand(4, 8)
    logits = head(outputs).tolist()
    for row, output in zip(logits, outputs.tolist(), strict=True):
        code = [2 * value - 1 for value in output]
        for logit, weight in zip(row, head.weight.tolist(), strict=True):
            dot = sum(a * b for a, b in zip(code, weight, strict=True))
            lengths = math.hypot(*code) * math.hypot(*weight)
            assert abs(logit - 5.0 * dot / lengths) < 1e-5


def test_hand_worked_example():
    """The code 1111 and a weight of ones point the same way, 1100 at a right angle to it."""
    head = CosineHead(4, 1, scale=16.0)
    head.weight.data.fill_(0.3)
    logits = head(torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]]))
    torch.testing.assert_close(logits.flatten(), torch.tensor([16.0, 0.0, -16.0]))


def test_on_bits_it_equals_its_linear_head():
    torch.manual_seed(1)
    head, bits = CosineHead(24, 7), (torch.rand(50, 24) > 0.5).float()
    weight, bias = head.linear()
    torch.testing.assert_close(head(bits), bits @ weight.T + bias, rtol=1e-4, atol=1e-4)


def test_head_without_categories_has_no_outputs():
    assert CosineHead(8, 0)(torch.rand(2, 8)).shape == (2, 0)
