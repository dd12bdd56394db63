import math

import pytest
import torch

from dualhash.losses import JointLoss
from dualhash.losses.hinge import hinge_loss
from dualhash.losses.softmax import SoftmaxLoss
from dualhash.network import BuiltBackbone, DualHashNetwork, HashLayer, build_backbone
from dualhash.training.data.training_data import Batch
from dualhash.training.initial_network import autocast_type
from dualhash.training.loop import lightning_module
from dualhash.training.loop.lightning_module import DualHashModule, build_optimiser
from dualhash.training.loop.validation_score import validation_score
from tests.training.tiny_training import make_config


def network(*, pretrained: bool) -> DualHashNetwork:
    backbone: BuiltBackbone = build_backbone("resnet18-half", pretrained=False, input_size=(16, 12))
    backbone.pretrained = pretrained
    return DualHashNetwork(backbone, HashLayer(480, 16), categories=3, attributes=2)


def joint(alpha: float) -> JointLoss:
    return JointLoss(SoftmaxLoss(), hinge_loss, alpha)


def group_of(optimiser: torch.optim.SGD, parameter: torch.nn.Parameter) -> dict[str, object]:
    (group,) = [g for g in optimiser.param_groups if any(p is parameter for p in g["params"])]
    return group


def test_parameter_groups_have_the_released_learning_rates():
    built = network(pretrained=True)
    optimiser = build_optimiser(
        built,
        joint(0.2),
        make_config(
            lr_new=0.01,
            lr_pretrained=0.001,
            bias_lr_multiplier=2.0,
            decay_bias=False,
            weight_decay=5e-4,
            momentum=0.9,
        ),
    )
    convolution = next(p for p in built.backbone.parameters() if p.ndim == 4)
    normalisation = next(p for p in built.backbone.parameters() if p.ndim == 1)
    wanted = {
        convolution: (0.001, 5e-4),
        normalisation: (0.002, 0.0),
        built.hash_layer.weight: (0.01, 5e-4),
        built.hash_layer.bias: (0.02, 0.0),
        built.attribute_head.weight: (0.01, 5e-4),
        built.category_head.bias: (0.02, 0.0),
    }
    for parameter, (rate, decay) in wanted.items():
        group = group_of(optimiser, parameter)
        assert (group["lr"], group["weight_decay"]) == (pytest.approx(rate), decay)
        assert group["momentum"] == 0.9


@pytest.mark.parametrize(("alpha", "rate", "decay"), [(0.2, 0.05, 1e-4), (0.0, 0.01, 5e-4)])
def test_a_spared_attribute_head_is_trained_as_with_alpha_1(
    alpha: float, rate: float, decay: float
):
    built = network(pretrained=False)
    config = make_config(lr_new=0.01, weight_decay=5e-4, alpha_spares_head=True)
    optimiser = build_optimiser(built, joint(alpha), config)
    head = group_of(optimiser, built.attribute_head.weight)
    assert (head["lr"], head["weight_decay"]) == (pytest.approx(rate), pytest.approx(decay))
    other = group_of(optimiser, built.category_head.weight)
    assert (other["lr"], other["weight_decay"]) == (0.01, 5e-4)


def test_every_parameter_of_network_and_loss_is_in_exactly_one_group():
    built, loss = network(pretrained=False), joint(0.2)
    loss.category_loss.centres = torch.nn.Parameter(torch.zeros(3, 16))
    optimiser = build_optimiser(built, loss, make_config(lr_new=0.01))
    optimised = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(optimised) == sorted(map(id, [*built.parameters(), *loss.parameters()]))
    assert group_of(optimiser, loss.category_loss.centres)["lr"] == 0.01


def test_score_is_the_harmonic_mean_or_the_only_figure():
    assert validation_score(0.5, 1.0) == pytest.approx(2 / 3)
    assert validation_score(0.0, 0.0) == 0
    assert validation_score(math.nan, 0.4) == 0.4
    assert validation_score(0.3, math.nan) == 0.3
    assert validation_score(math.nan, math.nan) == 0


def test_precision_is_chosen_by_name():
    assert autocast_type("bf16") is torch.bfloat16
    assert autocast_type("fp32") is None
    assert autocast_type("auto") in (torch.bfloat16, None)


class SeenOutputs:
    """A category loss that keeps what it is given."""

    def __call__(self, outputs: torch.Tensor, *_rest: torch.Tensor) -> torch.Tensor:
        self.outputs = outputs
        return outputs.sum()


def test_losses_and_validation_use_the_bits_that_rank(monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    backbone = build_backbone("resnet18-half", pretrained=False, input_size=(16, 12))
    built = DualHashNetwork(
        backbone, HashLayer(480, 16), categories=3, attributes=2, category_bits=8
    ).eval()
    seen, logged, ranked = SeenOutputs(), {}, []
    module = DualHashModule(built, JointLoss(seen, hinge_loss, 0.1), make_config(), 1)
    monkeypatch.setattr(module, "log_dict", lambda figures, **_: logged.update(figures))
    monkeypatch.setattr(
        lightning_module,
        "validation_figures",
        lambda codes, *_: ranked.append(codes) or (0.5, 0.5),
    )
    images = torch.randint(0, 256, (4, 16, 12, 3), dtype=torch.uint8)
    labels = torch.tensor([0, 1, 2, 0]), torch.ones(4, 2), torch.ones(4, 2, dtype=torch.bool)
    batch = Batch(images, *labels)
    outputs = built(images).outputs[:, :8]
    module.training_step(batch, 0)
    torch.testing.assert_close(seen.outputs, outputs)
    with torch.inference_mode():
        module.validation_step(batch, 0)
    module.on_validation_epoch_end()
    assert (ranked[0] == (outputs > 0.5).numpy()).all()
    assert ranked[0].shape == (4, 8)
