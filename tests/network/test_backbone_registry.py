"""Every backbone is built, without weights and without a network."""

from urllib.error import URLError

import pytest
import torch
import torchvision

from dualhash.errors import DualhashError
from dualhash.network import BACKBONES, build_backbone, describe_backbone

SMALL = (64, 48)
FEATURES = {
    "alexnet": 4096,
    "resnet18": 512,
    "face10": 320,
    "vgg16": 4096,
    "efficientnet-lite0": 1280,
    "resnet18-half": 480,
    "timm:resnet10t": 512,
}
"""The length of the features of every built-in backbone, and of one of timm."""

OWN_SIZE_ONLY = {"alexnet", "vgg16"}
VGG16 = pytest.param("vgg16", marks=pytest.mark.slow)
DOWNLOADED = ("alexnet", "resnet18", VGG16)


def test_registry_lists_the_backbones():
    assert [*BACKBONES, "timm:resnet10t"] == list(FEATURES)


@pytest.mark.parametrize("name", [VGG16 if name == "vgg16" else name for name in FEATURES])
def test_a_backbone_is_built_as_described(name: str):
    own_size = name in OWN_SIZE_ONLY
    size = None if own_size else SMALL
    backbone = build_backbone(name, pretrained=False, input_size=size).eval()
    assert backbone.input_size == ((224, 224) if own_size else SMALL)
    features = backbone(torch.randn(2, 3, *backbone.input_size))
    assert features.shape == (2, FEATURES[name])
    assert backbone.feature_size == FEATURES[name]
    assert not backbone.pretrained
    assert features.isfinite().all()
    assert not torch.allclose(features[0], features[1])


@pytest.mark.parametrize("name", FEATURES)
def test_every_description_is_complete(name: str):
    spec = describe_backbone(name)
    assert spec.name == name
    assert spec.summary.endswith(".")
    assert all(0 <= mean <= 1 for mean in spec.mean)
    assert all(0 < std <= 1 for std in spec.std)
    assert (spec.input_size is None) == (spec.resize is None)
    if spec.input_size is not None:
        assert all(crop <= side for crop, side in zip(spec.input_size, spec.resize, strict=True))
    given = [spec.weights, spec.licence, spec.pretrained_layers]
    assert all(given) or given == [None, None, None]


def test_the_same_seed_builds_the_same_backbone():
    def weights(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return list(build_backbone("face10", pretrained=False).parameters())

    assert all(map(torch.equal, weights(3), weights(3)))
    assert not all(map(torch.equal, weights(3), weights(4)))


def test_face10_has_the_sizes_of_its_paper():
    layers = build_backbone("face10", pretrained=False).layers
    convolutions = [layer for name, layer in layers.named_children() if name.startswith("conv")]
    assert [layer.out_channels for layer in convolutions] == [
        *(32, 64, 64, 128, 96, 192, 128, 256, 160, 320)
    ]
    before_pool5 = layers[: [name for name, _ in layers.named_children()].index("pool5")]
    maps = before_pool5(torch.randn(1, 3, 100, 100))
    assert maps.shape == (1, 320, 7, 7)
    assert (maps < 0).any()


def test_resnet18_half_concatenates_normalised_stages():
    backbone = build_backbone("resnet18-half", pretrained=False, input_size=SMALL)
    contrasts = torch.linspace(0, 5, 16).view(16, 1, 1, 1)
    features = backbone(contrasts * torch.randn(16, 3, *SMALL))
    assert features.shape == (16, 32 + 64 + 128 + 256)
    torch.testing.assert_close(features.mean(0), torch.zeros(480), atol=1e-4, rtol=0)
    torch.testing.assert_close(features.var(0, correction=0), torch.ones(480), atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("alexnt", "Did you mean 'alexnet'"),
        ("timm:resnt18", "Did you mean 'resnet18'"),
        ("timm:resnet18.a1_in", "'resnet18.a1_in1k'"),
    ],
)
def test_unknown_backbone_suggests_the_nearest(name: str, nearest: str):
    with pytest.raises(DualhashError, match=nearest):
        build_backbone(name, pretrained=False)


def test_a_backbone_without_weights_cannot_be_pretrained():
    with pytest.raises(DualhashError, match="no pretrained weights for 'face10'"):
        build_backbone("face10", pretrained=True)


def test_a_backbone_without_default_size_needs_one():
    with pytest.raises(DualhashError, match="'resnet18-half' has no input size"):
        build_backbone("resnet18-half", pretrained=False)


def test_an_image_too_small_for_the_network_is_refused():
    with pytest.raises(DualhashError, match="'alexnet' does not accept images of 32x32 pixels"):
        build_backbone("alexnet", pretrained=False, input_size=(32, 32))


@pytest.mark.parametrize("name", DOWNLOADED)
def test_error_without_a_connection_says_what_to_do(name: str, monkeypatch, tmp_path):
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    with pytest.raises(DualhashError) as raised:
        build_backbone(name, pretrained=True)
    message = str(raised.value)
    for part in (repr(name), "no route to host", str(tmp_path), "efficientnet-lite0"):
        assert part in message
    assert "--no-pretrained" in message


def test_timm_error_without_a_connection_says_what_to_do(monkeypatch):
    def unreachable(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", unreachable)
    with pytest.raises(DualhashError, match=r"'timm:resnet10t'.*no route to host.*--no-pretrained"):
        build_backbone("timm:resnet10t", pretrained=True)


def test_cached_weights_need_no_connection(monkeypatch, tmp_path):
    """What the message advises works; the layers are the file's, less the classifier."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", None)
    weights = torchvision.models.resnet18(weights=None).state_dict()
    file = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    file.parent.mkdir(parents=True)
    torch.save(weights, file)
    backbone = build_backbone("resnet18", pretrained=True, input_size=SMALL)
    assert backbone.pretrained
    loaded = backbone.layers.state_dict()
    assert weights.keys() - loaded.keys() == {"fc.weight", "fc.bias"}
    assert all(torch.equal(tensor, weights[name]) for name, tensor in loaded.items())
