import pytest
import torch
from torch import Tensor

from dualhash.errors import DualhashError
from dualhash.network import BuiltBackbone, build_backbone

SIZE = (40, 32)


@pytest.fixture(params=["resnet18-half", "efficientnet-lite0"])
def backbone(request: pytest.FixtureRequest) -> BuiltBackbone:
    torch.manual_seed(0)
    return build_backbone(request.param, pretrained=False, input_size=SIZE).eval()


def images() -> Tensor:
    return torch.randn(3, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def test_frozen_and_trained_parts_compose_to_the_network(backbone: BuiltBackbone):
    whole = backbone(images())
    assert whole.std() > 0
    for stages in range(1, len(backbone.layers.stages)):
        backbone.freeze(stages)
        assert torch.equal(backbone.upper(backbone.lower(images())), whole)


def test_only_stages_above_the_frozen_ones_are_trained(backbone: BuiltBackbone):
    backbone.freeze(2)
    backbone(images()).square().sum().backward()
    frozen = {id(p) for part in backbone.frozen_parts for p in part.parameters()}
    assert frozen
    for parameter in backbone.parameters():
        assert (parameter.grad is None) == (id(parameter) in frozen)


def test_frozen_part_does_not_depend_on_upper_stages(backbone: BuiltBackbone):
    backbone.freeze(2)
    before = backbone.lower(images()).maps
    for stage in backbone.layers.stages[2:]:
        for parameter in stage.parameters():
            parameter.data.zero_()
    assert torch.equal(backbone.lower(images()).maps, before)


def test_feature_sizes_of_resnet18_half():
    """Three frozen stages of 60x80 pixels leave 8 x 10 places of 128 channels and 224 averages."""
    backbone = build_backbone("resnet18-half", pretrained=False, input_size=(60, 80))
    backbone.freeze(3)
    maps, averages = backbone.eval().lower(torch.zeros(1, 3, 60, 80))
    assert maps.shape == (1, 128, 8, 10)
    assert [part.shape[1] for part in averages] == [32, 64, 128]


def test_freezing_all_stages_or_an_unstaged_network_is_refused():
    half = build_backbone("resnet18-half", pretrained=False, input_size=SIZE)
    with pytest.raises(DualhashError, match="has 4 stages"):
        half.freeze(4)
    face = build_backbone("face10", pretrained=False, input_size=SIZE)
    with pytest.raises(DualhashError, match=r"no stages to freeze.*'resnet18-half'"):
        face.freeze(1)
    face.freeze(0)
    assert all(parameter.requires_grad for parameter in face.parameters())
