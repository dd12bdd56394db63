"""Any ONNX image encoder as an extractor: a file, or a repository of the Hugging Face hub.

Its `preprocessor_config.json` says how it expects images; the graph that is built around it takes
RGB bytes and gives pooled features, so that no other code needs to know.
"""

import json
from pathlib import Path
from typing import Any

import onnx
from onnx import ModelProto, TensorProto, compose, helper, parser

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
    kind = TensorProto.DataType.Name(entry.type.tensor_type.elem_type).lower()
    prefixed = compose.add_prefix(model, "encoder/")
    joined = compose.merge_models(
        _like(model, _before(kind, settings, size)),
        prefixed,
        io_map=[("pixels", f"encoder/{entry.name}")],
        outputs=[f"encoder/{name}" for name, _ in outputs],
    )
    kind = TensorProto.DataType.Name(model.graph.output[0].type.tensor_type.elem_type).lower()
    return compose.merge_models(
        joined,
        _like(model, _after(kind, [rank for _, rank in outputs])),
        io_map=[(f"encoder/{name}", f"in{i}") for i, (name, _) in enumerate(outputs)],
    )


def _like(model: ModelProto, graph: str) -> ModelProto:
    """A graph in ONNX's text format as a model of the versions of another."""
    return helper.make_model(
        parser.parse_graph(graph), opset_imports=model.opset_import, ir_version=model.ir_version
    )


def _before(kind: str, settings: dict[str, Any], size: tuple[int, int]) -> str:
    """The graph from RGB bytes to what an encoder takes, in ONNX's text format."""
    rescale = settings.get("do_rescale", True)
    scale = float(settings.get("rescale_factor", 1 / 255)) if rescale else 1.0
    normalise = settings.get("do_normalize", True)
    mean = settings.get("image_mean", IMAGENET_MEAN) if normalise else (0, 0, 0)
    std = settings.get("image_std", IMAGENET_STD) if normalise else (1, 1, 1)
    means, deviations = (", ".join(str(each / scale) for each in values) for values in (mean, std))
    height, width = size
    return f"""
        before (uint8[batch, {height}, {width}, 3] images)
            => ({kind}[batch, 3, {height}, {width}] pixels)
        <float[1, 3, 1, 1] means = {{{means}}}, float[1, 3, 1, 1] deviations = {{{deviations}}}> {{
            values = Cast <to = {TensorProto.FLOAT}> (images)
            channels = Transpose <perm = [0, 3, 1, 2]> (values)
            centred = Sub (channels, means)
            scaled = Div (centred, deviations)
            pixels = Cast <to = {TensorProto.DataType.Value(kind.upper())}> (scaled)
        }}"""


def _after(kind: str, ranks: list[int]) -> str:
    """The graph from vectors (rank 2) and tokens (rank 3) to features, in ONNX's text format."""
    inputs, nodes, parts = [], [], []
    for i, rank in enumerate(ranks):
        if rank == 2:
            inputs.append(f"{kind}[batch, d{i}] in{i}")
            parts.append(f"in{i}")
            continue
        inputs.append(f"{kind}[batch, t{i}, d{i}] in{i}")
        parts += [f"first{i}", f"mean{i}"]
        nodes.append(f"""
            first{i} = Gather <axis = 1> (in{i}, zero)
            channels{i} = Transpose <perm = [0, 2, 1]> (in{i})
            pooled{i} = GlobalAveragePool (channels{i})
            mean{i} = Flatten <axis = 1> (pooled{i})""")
    return f"""
        after ({", ".join(inputs)}) => (float16[batch, d] {FEATURES})
        <int64 zero = {{0}},
         float low = {{-{LARGEST_FLOAT16}}}, float high = {{{LARGEST_FLOAT16}}}> {{
            {"".join(nodes)}
            joined = Concat <axis = 1> ({", ".join(parts)})
            widened = Cast <to = {TensorProto.FLOAT}> (joined)
            clipped = Clip (widened, low, high)
            {FEATURES} = Cast <to = {TensorProto.FLOAT16}> (clipped)
        }}"""
