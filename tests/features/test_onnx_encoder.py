import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dualhash.errors import DualhashError
from dualhash.features.onnx_encoder import fetch_onnx_encoder, read_onnx_encoder

CONFIG = {
    "size": {"height": 4, "width": 2},
    "image_mean": [0.5, 0.25, 0.0],
    "image_std": [0.5, 1, 2],
}


def save(
    folder: Path, nodes: list, outputs: list, *, kind: int = TensorProto.FLOAT, opset: int = 17
):
    """An encoder whose input is `pixels` (N, 3, H, W)."""
    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("pixels", kind, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, folder / "encoder.onnx")
    (folder / "preprocessor_config.json").write_text(json.dumps(CONFIG))
    return folder / "encoder.onnx"


FLAT = helper.make_node("Flatten", ["pixels"], ["vectors"], axis=1)


def expected_pixels(images: np.ndarray) -> np.ndarray:
    scaled = (images / 255 - CONFIG["image_mean"]) / CONFIG["image_std"]
    return scaled.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16])
def test_images_are_scaled_as_the_config_says(kind: int, tmp_path: Path):
    path = save(tmp_path, [FLAT], [("vectors", ["n", 24])], kind=kind)
    extractor = read_onnx_encoder(path, "mine")
    images = np.random.default_rng(0).integers(0, 256, (70, 4, 2, 3), np.uint8)
    found = extractor.extract(images)
    assert extractor.size == 24
    np.testing.assert_allclose(found, expected_pixels(images).reshape(70, 24), atol=2e-3)


@pytest.mark.parametrize("place", ["onnx/model.onnx", "model.onnx"])
def test_an_encoder_of_the_hub_is_that_of_its_files(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hub = pytest.importorskip("huggingface_hub", reason="the train extra is not installed")
    path = save(tmp_path, [FLAT], [("vectors", ["n", 24])])
    files = {"preprocessor_config.json": path.with_name("preprocessor_config.json"), place: path}

    def download(repository: str, file: str) -> str:
        assert repository == "owner/name"
        if file not in files:
            raise hub.errors.LocalEntryNotFoundError(f"{file} is not there.\nDetails")
        return str(files[file])

    monkeypatch.setattr(hub, "hf_hub_download", download)
    extractor = fetch_onnx_encoder("hub:owner/name")
    assert extractor.name == "hub:owner/name"
    assert extractor.hash == read_onnx_encoder(path, "mine").hash
    del files["preprocessor_config.json"]
    message = r"hub:owner/name cannot be fetched: preprocessor_config.json is not there\. Download"
    with pytest.raises(DualhashError, match=message):
        fetch_onnx_encoder("hub:owner/name")


def test_token_outputs_give_the_first_token_and_the_mean(tmp_path: Path):
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["nhwc"], perm=[0, 2, 3, 1]),
        helper.make_node(
            "Constant",
            [],
            ["shape"],
            value=helper.make_tensor("shape", TensorProto.INT64, [3], [0, -1, 3]),
        ),
        helper.make_node("Reshape", ["nhwc", "shape"], ["tokens"]),
    ]
    path = save(tmp_path, nodes, [("tokens", ["n", 8, 3])])
    images = np.random.default_rng(1).integers(0, 256, (3, 4, 2, 3), np.uint8)
    found = read_onnx_encoder(path, "mine").extract(images)
    tokens = expected_pixels(images).transpose(0, 2, 3, 1).reshape(3, 8, 3)
    np.testing.assert_allclose(
        found, np.concatenate([tokens[:, 0], tokens.mean(axis=1)], axis=1), atol=2e-3
    )


def test_a_missing_config_is_refused(tmp_path: Path):
    path = save(tmp_path, [FLAT], [("vectors", ["n", 24])])
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(DualhashError, match=r"encoder.onnx has no preprocessor_config.json beside"):
        read_onnx_encoder(path, "mine")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{", "cannot be read"), (b"[]", "holds no settings"), (b"{}", "states the size")],
)
def test_an_empty_config_is_refused(content: bytes, message: str, tmp_path: Path):
    path = save(tmp_path, [FLAT], [("vectors", ["n", 24])])
    (tmp_path / "preprocessor_config.json").write_bytes(content)
    with pytest.raises(DualhashError, match=message):
        read_onnx_encoder(path, "mine")


def test_files_that_are_not_onnx_graphs_are_refused(tmp_path: Path):
    (tmp_path / "encoder.onnx").write_bytes(b"no graph")
    with pytest.raises(DualhashError, match=r"encoder.onnx is not an ONNX graph"):
        read_onnx_encoder(tmp_path / "encoder.onnx", "mine")


def test_a_graph_with_image_outputs_is_refused(tmp_path: Path):
    node = helper.make_node("Identity", ["pixels"], ["images"])
    path = save(tmp_path, [node], [("images", ["n", 3, "h", "w"])])
    with pytest.raises(DualhashError, match=r"neither vectors \(N, d\) nor tokens"):
        read_onnx_encoder(path, "mine")
