"""A torch module as an ONNX graph."""

import re
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn

from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError
from dualhash.features.extractor import FEATURES, Extractor
from dualhash.files import write_whole

OPSET = 18

FORMAT = 2
"""Changes whenever a module of this package changes, so that kept graphs are built again."""

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


def extractor_graph(name: str, module: nn.Module, preprocessing: Preprocessing) -> bytes:
    """The graph of a module for an `Extractor`; see `exported_extractor`.

    Raises:
        DualhashError: The module gives no vectors, or uses an operation that ONNX does not have.
    """
    example = torch.zeros(2, *preprocessing.crop, 3, dtype=torch.uint8)
    with torch.inference_mode():
        shape = tuple(module(example).shape)
    if shape[:-1] != (2,):
        raise DualhashError(
            f"The extractor {name!r} maps images {tuple(example.shape)} to {shape}; it must give "
            "one vector per image, (N, d)."
        )
    return export_module(module, example, input_name="images", output_name=FEATURES)


def exported_extractor(
    name: str,
    module: nn.Module,
    parts: Sequence[nn.Module],
    preprocessing: Preprocessing,
    folder: Path,
) -> Extractor:
    """The extractor that a module makes; its graph is exported once and kept in a folder.

    Args:
        name: How the user named it, and how many of its stages are used if not all are.
        module: From RGB images, uint8 (N, h, w, 3), to float16 (N, d); in evaluation mode.
        parts: The parts of the module whose weights decide its output.
        preprocessing: Sizes of the images.
        folder: Where graphs are kept; created if it does not exist.

    Raises:
        DualhashError: The module uses an operation that ONNX does not have.
    """
    digest = sha256(f"{FORMAT} {name} {preprocessing}".encode())
    for part in parts:
        for tensor in part.state_dict().values():
            digest.update(tensor.contiguous().numpy().tobytes())
    file = folder / f"extractor-{digest.hexdigest()[:32]}.onnx"
    if file.exists():
        with suppress(OSError):  # a read-only cache works too
            file.touch()
    else:
        write_whole(file, extractor_graph(name, module, preprocessing))
    return Extractor(name, file.read_bytes(), preprocessing)
