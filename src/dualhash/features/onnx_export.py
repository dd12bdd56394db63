"""A torch module as an ONNX graph."""

import re

import torch
from torch import Tensor, nn

from dualhash.errors import DualhashError

OPSET = 18

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""The colours of torch's messages on a terminal."""


def export_module(
    module: nn.Module, example: Tensor, *, input_name: str, output_name: str
) -> bytes:
    """The ONNX graph of a module with one input and one output, for any batch size.

    Args:
        module: In evaluation mode, on the CPU.
        example: An input (2, ...), which fixes all dimensions but the first.
        input_name: Name of the input in the graph.
        output_name: Name of the output in the graph.

    Raises:
        DualhashError: The module uses an operation that ONNX does not have.
    """
    try:
        program = torch.onnx.export(
            module,
            (example,),
            input_names=[input_name],
            output_names=[output_name],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        cause: BaseException = error  # torch's own message is advice to its developers
        while cause.__cause__:
            cause = cause.__cause__
        reason = COLOUR.sub("", str(cause)).strip().partition("\n")[0].rstrip(".")
        raise DualhashError(
            f"This network cannot be exported to ONNX, which indexing needs: {reason}. Choose "
            "another network."
        ) from error
    assert program is not None
    graph = program.model_proto
    for part in (graph, graph.graph, *graph.graph.node, *graph.graph.value_info):
        del part.metadata_props[:]
    for function in graph.functions:
        del function.metadata_props[:]
    content: bytes = graph.SerializeToString()
    return content
