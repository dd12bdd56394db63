"""ONNX graphs joined and cut. Needs the package onnx, not torch."""

import onnx
from onnx import ModelProto, compose, version_converter
from onnx.utils import Extractor as SubgraphExtractor

from dualhash.errors import DualhashError


def join(first: bytes, second: bytes, value: str) -> bytes:
    """One graph that feeds the output `value` of the first to the input `value` of the second.

    The value keeps its name inside, so that `cut` finds it again.
    """
    lower, upper = onnx.load_from_string(first), onnx.load_from_string(second)
    lower, upper = _same_opset(lower, upper)
    upper = compose.add_prefix(upper, "head/", rename_outputs=False, rename_inputs=False)
    joined = compose.merge_models(lower, upper, io_map=[(value, value)])
    content: bytes = joined.SerializeToString()
    return content


def cut(graph: bytes, value: str) -> bytes:
    """The part of a graph that computes `value`, which becomes its only output.

    Raises:
        DualhashError: The graph has no value of that name.
    """
    model = onnx.load_from_string(graph)
    inputs = [each.name for each in model.graph.input]
    names = {name for node in model.graph.node for name in node.output}
    if value not in names:
        raise DualhashError(f"The graph computes no value named {value!r}.")
    part = SubgraphExtractor(model).extract_model(inputs, [value])
    content: bytes = part.SerializeToString()
    return content


def _same_opset(one: ModelProto, other: ModelProto) -> tuple[ModelProto, ModelProto]:
    """Both models at the higher of their two operator set and IR versions."""
    highest = max(_opset(one), _opset(other))
    one, other = _raised(one, highest), _raised(other, highest)
    one.ir_version = other.ir_version = max(one.ir_version, other.ir_version)
    return one, other


def _raised(model: ModelProto, opset: int) -> ModelProto:
    return version_converter.convert_version(model, opset) if _opset(model) < opset else model


def _opset(model: ModelProto) -> int:
    versions: dict[str, int] = {each.domain: each.version for each in model.opset_import}
    return versions.get("", versions.get("ai.onnx", 0))
