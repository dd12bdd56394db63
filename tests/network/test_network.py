import pytest
import torch
from torch import Tensor, nn

from dualhash.network import (
    BuiltBackbone,
    DualHashNetwork,
    HashLayer,
    NetworkEncoder,
    build_backbone,
    parameter_groups,
)

SIZE = (40, 32)


def random_images(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *SIZE, 3), dtype=torch.uint8, generator=generator)


def half(pretrained: bool = False) -> BuiltBackbone:
    backbone = build_backbone("resnet18-half", pretrained=False, input_size=SIZE)
    backbone.pretrained = pretrained
    return backbone


@pytest.fixture
def network() -> DualHashNetwork:
    torch.manual_seed(0)
    return DualHashNetwork(half(), HashLayer(480, 16), categories=5, attributes=3).eval()


def test_shapes_and_ranges(network: DualHashNetwork):
    output = network(random_images(4))
    assert output.outputs.shape == (4, 16)
    assert output.category_logits.shape == (4, 5)
    assert output.attribute_logits.shape == (4, 3)
    assert ((output.outputs > 0) & (output.outputs < 1)).all()


def test_heads_are_applied_to_the_hash_outputs(network: DualHashNetwork):
    """Equations 2 and 5 stand on r, so that they can be computed from a code."""
    output = network(random_images(4))
    torch.testing.assert_close(output.category_logits, network.category_head(output.outputs))
    torch.testing.assert_close(output.attribute_logits, network.attribute_head(output.outputs))


@pytest.mark.parametrize("cosine", [False, True])
def test_shared_out_bits_are_read_by_one_head_each(cosine: bool):
    torch.manual_seed(0)
    network = DualHashNetwork(
        half(), HashLayer(480, 16), categories=5, attributes=3, cosine=cosine, category_bits=8
    ).eval()
    output = network(random_images(4))
    first, second = output.outputs[:, :8], output.outputs[:, 8:]
    assert output.outputs.shape == (4, 16)
    torch.testing.assert_close(output.category_logits, network.category_head(first))
    torch.testing.assert_close(output.attribute_logits, network.attribute_head(second))
    _, probabilities = network.codes_and_probabilities(output)
    read = network.attribute_head((second > 0.5).float()).sigmoid()
    torch.testing.assert_close(probabilities, read)


def test_encoding_does_not_depend_on_the_batch(network: DualHashNetwork):
    images = random_images(5)
    order = torch.tensor([3, 0, 4])
    torch.testing.assert_close(network(images[order]).outputs, network(images).outputs[order])


def test_encoder_outputs_match_the_network(network: DualHashNetwork):
    images = random_images(3)
    assert torch.equal(NetworkEncoder(network)(images), network(images).outputs)


def test_the_encoder_computes_in_float32_after_mixed_precision_training(network: DualHashNetwork):
    images = random_images(3)
    exact = network(images).outputs
    network.autocast = torch.bfloat16
    assert not torch.equal(network(images).outputs, exact)
    assert torch.equal(NetworkEncoder(network)(images), exact)


def test_only_the_backbone_uses_bfloat16(network: DualHashNetwork):
    images = random_images(3)
    exact = network(images)
    seen = {}
    network.hash_layer.register_forward_hook(
        lambda layer, inputs, output: seen.update(features=inputs[0], outputs=output)
    )
    network.autocast = torch.bfloat16
    rough = network(images)
    assert seen["features"].dtype == seen["outputs"].dtype == torch.float32
    assert all(tensor.dtype == torch.float32 for tensor in rough)
    torch.testing.assert_close(rough.outputs, exact.outputs, atol=0.05, rtol=0)


def test_the_network_normalises_its_inputs(network: DualHashNetwork):
    assert {"normalise.mean", "normalise.std"} <= network.state_dict().keys()


def test_gradients_reach_every_parameter(network: DualHashNetwork):
    output = network.train()(random_images(8))
    sum(tensor.square().sum() for tensor in output).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert network.backbone.layers.stem[0].weight.grad.any()


@pytest.mark.parametrize("pretrained", [False, True])
def test_every_parameter_is_in_exactly_one_group(pretrained: bool):
    network = DualHashNetwork(half(pretrained), HashLayer(480, 16), categories=5, attributes=3)
    groups = parameter_groups(network, nn.Identity())
    grouped = [id(parameter) for parameters in groups.values() for parameter in parameters]
    assert sorted(grouped) == sorted(map(id, network.parameters()))
    backbone_role = "pretrained" if pretrained else "new"
    assert {role for role, _ in groups} == {"new", "attribute head", backbone_role}

    def group_of(wanted: Tensor) -> tuple[str, str]:
        return next(key for key, group in groups.items() if any(p is wanted for p in group))

    stem = network.backbone.layers.stem
    assert group_of(stem[0].weight) == (backbone_role, "weight")
    assert group_of(stem[1].weight) == (backbone_role, "bias/norm")
    assert group_of(stem[1].bias) == (backbone_role, "bias/norm")
    assert group_of(network.hash_layer.weight) == ("new", "weight")
    assert group_of(network.attribute_head.bias) == ("attribute head", "bias/norm")
