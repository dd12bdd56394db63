"""Any ONNX image encoder as an extractor: a file, or a repository of the Hugging Face hub.

Its `preprocessor_config.json` says how it expects images; the graph that is built around it takes
RGB bytes and gives pooled features, so that no other code needs to know.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, compose, helper, numpy_helper

from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError
from dualhash.features.extractor import FEATURES, Extractor

CONFIG = "preprocessor_config.json"
HUB = "hub:"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LARGEST_FLOAT16 = 65504.0


def read_onnx_encoder(path: Path, name: str, config: Path | None = None) -> Extractor:
    """The extractor that an ONNX image encoder makes.

    Args:
        path: The graph: one input, float (N, 3, H, W). Vectors (N, d) among its outputs are taken
            as they are; tokens (N, T, d) give the first token and the mean of all.
        name: How the user named it.
        config: Its `preprocessor_config.json`; None looks beside the graph and one folder above.

    Raises:
        DualhashError: The graph or the config cannot be read, or the graph is no image encoder.
    """
    try:
        model = onnx.load(path)
    except Exception as error:  # onnx and protobuf share no base class of errors
        raise DualhashError(f"{path} is not an ONNX graph: {error}.") from error
    settings = _settings(config or _config_beside(path), path)
    height, width = _size(model, settings, path)
    graph = _wrapped(model, settings, (height, width), path)
    size = (height, width)
    return Extractor(name, graph.SerializeToString(), Preprocessing(resize=size, crop=size))


def fetch_onnx_encoder(name: str) -> Extractor:
    """The extractor `hub:owner/name`, fetched into the cache of the Hugging Face hub.

    The graph is `onnx/model.onnx` or `model.onnx` of the repository.

    Raises:
        DualhashError: It cannot be fetched, or is no image encoder.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    repository = name.removeprefix(HUB)
    try:
        config = Path(hf_hub_download(repository, CONFIG))
        try:
            graph = Path(hf_hub_download(repository, "onnx/model.onnx"))
        except EntryNotFoundError:
            graph = Path(hf_hub_download(repository, "model.onnx"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise DualhashError(
            f"{name} cannot be fetched: {first} Download its ONNX file and {CONFIG} yourself and "
            "name the file: --features encoder.onnx."
        ) from error
    return read_onnx_encoder(graph, name, config)


def _config_beside(path: Path) -> Path:
    for folder in (path.parent, path.parent.parent):
        if (folder / CONFIG).is_file():
            return folder / CONFIG
    raise DualhashError(
        f"{path} has no {CONFIG} beside it, so the size and the scale of its images are unknown. "
        'Write one: {"size": {"height": 224, "width": 224}, "image_mean": [0.5, 0.5, 0.5], '
        '"image_std": [0.5, 0.5, 0.5]}.'
    )


def _settings(config: Path, path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DualhashError(f"{config} cannot be read: {error}.") from error
    if not isinstance(settings, dict):
        raise DualhashError(f"{config} is not the {CONFIG} of {path}: it holds no settings.")
    return settings


def _size(model: ModelProto, settings: dict[str, Any], path: Path) -> tuple[int, int]:
    """Height and width: what the graph fixes, or else what its config states."""
    if len(model.graph.input) != 1:
        raise DualhashError(
            f"{path} has {len(model.graph.input)} inputs; one, the image, is needed."
        )
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    if len(dimensions) != 4:
        raise DualhashError(f"{path} does not take images (N, 3, H, W).")
    if all(each.dim_value for each in dimensions[2:]):
        return dimensions[2].dim_value, dimensions[3].dim_value
    for key in ("crop_size", "size"):
        stated = settings.get(key)
        if isinstance(stated, int):
            return stated, stated
        if isinstance(stated, dict) and "height" in stated:
            return int(stated["height"]), int(stated["width"])
        if isinstance(stated, dict) and "shortest_edge" in stated:
            return int(stated["shortest_edge"]), int(stated["shortest_edge"])
    raise DualhashError(f"Neither {path} nor its {CONFIG} states the size of its images.")


def _wrapped(
    model: ModelProto, settings: dict[str, Any], size: tuple[int, int], path: Path
) -> ModelProto:
    """The encoder from RGB bytes, `images` uint8 (N, h, w, 3), to pooled `features` float16."""
    entry = model.graph.input[0]
    outputs = [
        (each.name, len(each.type.tensor_type.shape.dim))
        for each in model.graph.output
        if len(each.type.tensor_type.shape.dim) in (2, 3)
    ]
    if not outputs:
        raise DualhashError(f"{path} gives neither vectors (N, d) nor tokens (N, T, d).")
    opset, ir_version = list(model.opset_import), model.ir_version
    before = _graph_before(entry, settings, size)
    after = _graph_after(outputs, _element_type(model))
    whole = helper.make_model(before, opset_imports=opset, ir_version=ir_version)
    prefixed = compose.add_prefix(model, "encoder/")
    joined = compose.merge_models(
        whole,
        prefixed,
        io_map=[("pixels", f"encoder/{entry.name}")],
        outputs=[f"encoder/{name}" for name, _ in outputs],
    )
    tail = helper.make_model(after, opset_imports=opset, ir_version=ir_version)
    return compose.merge_models(
        joined, tail, io_map=[(f"encoder/{name}", f"in/{name}") for name, _ in outputs]
    )


def _element_type(model: ModelProto) -> int:
    element: int = model.graph.output[0].type.tensor_type.elem_type
    return element


def _graph_before(
    entry: onnx.ValueInfoProto, settings: dict[str, Any], size: tuple[int, int]
) -> onnx.GraphProto:
    scale = (
        float(settings.get("rescale_factor", 1 / 255)) if settings.get("do_rescale", True) else 1.0
    )
    normalise = settings.get("do_normalize", True)
    mean = np.array(settings.get("image_mean", IMAGENET_MEAN) if normalise else (0, 0, 0))
    std = np.array(settings.get("image_std", IMAGENET_STD) if normalise else (1, 1, 1))
    kind = entry.type.tensor_type.elem_type
    constants = {
        "pre/mean": (mean / scale).astype(np.float32).reshape(1, 3, 1, 1),
        "pre/std": (std / scale).astype(np.float32).reshape(1, 3, 1, 1),
    }
    nodes = [
        helper.make_node("Cast", ["images"], ["pre/float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pre/float"], ["pre/nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["pre/nchw", "pre/mean"], ["pre/centred"]),
        helper.make_node("Div", ["pre/centred", "pre/std"], ["pre/scaled"]),
        helper.make_node("Cast", ["pre/scaled"], ["pixels"], to=kind),
    ]
    shape: list[str | int | None] = ["batch", *size, 3]
    return helper.make_graph(
        nodes,
        "before",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("pixels", kind, ["batch", 3, *size])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )


def _graph_after(outputs: list[tuple[str, int]], kind: int) -> onnx.GraphProto:
    constants: dict[str, NDArray[Any]] = {
        "post/zero": np.array(0, np.int64),
        "post/low": np.array(-LARGEST_FLOAT16, np.float32),
        "post/high": np.array(LARGEST_FLOAT16, np.float32),
    }
    nodes, parts, inputs = [], [], []
    for name, rank in outputs:
        value = f"in/{name}"
        axes: list[str | int | None] = ["batch", *([None] * (rank - 1))]
        inputs.append(helper.make_tensor_value_info(value, kind, axes))
        if rank == 2:
            parts.append(value)
            continue
        first, mean = f"post/{name}/first", f"post/{name}/mean"
        nodes.append(helper.make_node("Gather", [value, "post/zero"], [first], axis=1))
        nodes.append(helper.make_node("GlobalAveragePool", [f"post/{name}/t"], [f"post/{name}/p"]))
        nodes.insert(-1, helper.make_node("Transpose", [value], [f"post/{name}/t"], perm=[0, 2, 1]))
        nodes.append(helper.make_node("Flatten", [f"post/{name}/p"], [mean], axis=1))
        parts += [first, mean]
    nodes += [
        helper.make_node("Concat", parts, ["post/joined"], axis=1),
        helper.make_node("Cast", ["post/joined"], ["post/float"], to=TensorProto.FLOAT),
        helper.make_node("Clip", ["post/float", "post/low", "post/high"], ["post/clipped"]),
        helper.make_node("Cast", ["post/clipped"], [FEATURES], to=TensorProto.FLOAT16),
    ]
    return helper.make_graph(
        nodes,
        "after",
        inputs,
        [helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT16, ["batch", None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
