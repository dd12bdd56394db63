import math
import re

import numpy as np
import onnx
import pytest
import torch

from dualhash.catalogue.images import Preprocessing
from dualhash.codes.encoder import Encoder
from dualhash.codes.linear_head import HEADS
from dualhash.codes.model import head_tensors
from dualhash.errors import DualhashError
from dualhash.features.extractor import FEATURES, Extractor
from dualhash.features.onnx_graphs import cut
from dualhash.network import DualHashNetwork, HashLayer, NetworkEncoder, build_backbone
from dualhash.training.export.export_model import linear_head
from dualhash.training.export.onnx_export import check_encoder, export_encoder

SIZE = Preprocessing(resize=(18, 12), crop=(16, 12))


def make_network(seed: int) -> DualHashNetwork:
    torch.manual_seed(seed)
    backbone = build_backbone("resnet18-half", pretrained=False, input_size=SIZE.crop)
    network = DualHashNetwork(backbone, HashLayer(480, 16), 3, 2, autocast=torch.bfloat16)
    network(torch.randint(0, 256, (32, *SIZE.crop, 3), dtype=torch.uint8))  # batch statistics
    return network.to(memory_format=torch.channels_last).eval()


@pytest.fixture(scope="module")
def network() -> DualHashNetwork:
    return make_network(0)


@pytest.fixture(scope="module")
def graph(network: DualHashNetwork) -> bytes:
    return export_encoder(NetworkEncoder(network), SIZE.crop)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (70, *SIZE.crop, 3), dtype=np.uint8)


@pytest.mark.parametrize("count", [1, 2, 70])
def test_onnx_matches_torch_in_float32_for_any_batch_size(
    network: DualHashNetwork, graph: bytes, images: np.ndarray, count: int
):
    found = Encoder(graph, 16, SIZE).encode_arrays(images[:count])
    backbone, hash_layer = network.backbone, network.hash_layer
    with torch.inference_mode():
        features = backbone(network.normalise(torch.from_numpy(images[:count])))
        expected = torch.sigmoid(features @ hash_layer.weight.T + hash_layer.bias)
    assert np.allclose(found, expected.numpy(), atol=1e-5)
    assert found.std() > 0.01


def test_the_features_can_be_cut_from_the_graph(
    network: DualHashNetwork, graph: bytes, images: np.ndarray
):
    extractor = Extractor("model", cut(graph, FEATURES), SIZE)
    with torch.inference_mode():
        features = network.backbone(network.normalise(torch.from_numpy(images)))
    np.testing.assert_allclose(extractor.extract(images), features, atol=1e-3, rtol=1e-3)


def test_check_accepts_the_network_and_refuses_another(
    network: DualHashNetwork, graph: bytes, images: np.ndarray
):
    check = check_encoder(graph, NetworkEncoder(network), images, SIZE)
    assert check["largest_difference"] < 1e-4
    with pytest.raises(DualhashError, match="differs from the network"):
        check_encoder(graph, NetworkEncoder(make_network(1)), images, SIZE)


class Constant(torch.nn.Module):
    """An encoder with the same output for every bit of every image."""

    def __init__(self, output: float) -> None:
        super().__init__()
        self.output = output

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=(1, 2, 3))[:, None] * torch.zeros(1, 16) + self.output


@pytest.mark.parametrize(
    ("exported", "trained", "equal_bits"),
    [
        (0.4999995, 0.5000005, 0),  # rounding decides the bits of outputs at 0.5
        (0.9, 0.9, 1),
        (0.9, 0.902, None),  # the bits are equal, but this is more than rounding
        (0.499, 0.501, None),
        (math.nan, 0.9, None),
    ],
)
def test_check_allows_bits_to_differ_only_near_one_half(
    images: np.ndarray, exported: float, trained: float, equal_bits: float | None
):
    graph = export_encoder(Constant(exported), SIZE.crop)
    if equal_bits is None:
        with pytest.raises(DualhashError, match="differs from the network"):
            check_encoder(graph, Constant(trained), images, SIZE)
    else:
        assert check_encoder(graph, Constant(trained), images, SIZE)["equal_bits"] == equal_bits


def test_the_graph_is_valid_and_names_no_source_files(graph: bytes):
    model = onnx.load_model_from_string(graph)
    onnx.checker.check_model(model, full_check=True)
    del model.graph.initializer[:]  # any bytes may occur among the weights
    assert b".py" not in model.SerializeToString()
    assert export_encoder(NetworkEncoder(make_network(0)), SIZE.crop) == graph


def test_head_tensors_have_the_names_that_models_read(network: DualHashNetwork):
    category = linear_head(network.category_head, ("c0", "c1", "c2"))
    attribute = linear_head(network.attribute_head, ("top", "left"))
    tensors = head_tensors(dict(zip(HEADS, [category, attribute] * 2, strict=True)))
    assert {name: array.shape for name, array in tensors.items()} == {
        "attribute_head.weight": (2, 16),
        "attribute_head.bias": (2,),
        "category_head.weight": (3, 16),
        "category_head.bias": (3,),
        "calibrated_attribute_head.weight": (2, 16),
        "calibrated_attribute_head.bias": (2,),
        "calibrated_category_head.weight": (3, 16),
        "calibrated_category_head.bias": (3,),
    }
    assert np.array_equal(tensors["category_head.bias"], network.category_head.bias.detach())


class DecidesByValue(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().mean(dim=(1, 2)) * (1 if images.sum() > 7 else 2)


def test_an_unexportable_network_is_refused_with_the_reason():
    with pytest.raises(DualhashError) as refused:
        export_encoder(DecidesByValue(), SIZE.crop)
    assert re.fullmatch(
        "This network cannot be exported to ONNX, which indexing needs: [^\\x1b\\n]*"
        "data-dependent[^\\x1b\\n]*\\. Choose another network\\.",
        str(refused.value),
    )


def test_errors_contain_no_terminal_colours(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise torch.onnx.OnnxExporterError("\x1b[96mStep 1/3\x1b[0m failed.\nMore")

    monkeypatch.setattr(torch.onnx, "export", fail)
    with pytest.raises(DualhashError, match=r"needs: Step 1/3 failed\. Choose"):
        export_encoder(DecidesByValue(), SIZE.crop)
