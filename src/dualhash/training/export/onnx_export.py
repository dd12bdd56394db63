"""A trained network as the files of a model folder, checked against torch."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dualhash.catalogue.images import Preprocessing
from dualhash.codes.encoder import Encoder as OnnxEncoder
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError

OPSET = 18
TOLERANCE = 1e-3
"""By how much an output, between 0 and 1, may differ between ONNX Runtime and torch."""


def export_encoder(encoder: nn.Module, crop: tuple[int, int]) -> bytes:
    """An encoder as ONNX: `images` uint8 (N, h, w, 3), any N, to `outputs` float32 (N, k).

    Raises:
        DualhashError: It does what ONNX cannot.
    """
    encoder = encoder.cpu().eval()
    example = torch.zeros(2, *crop, 3, dtype=torch.uint8)
    try:
        program = torch.onnx.export(
            encoder,
            (example,),
            input_names=["images"],
            output_names=["outputs"],
            dynamic_shapes={"images": {0: torch.export.Dim("images_per_batch")}},
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        first = str(error).strip().partition("\n")[0]
        raise DualhashError(
            f"This backbone cannot be exported to ONNX, which indexing and searching need: {first} "
            "Choose another."
        ) from error
    assert program is not None
    graph = program.model_proto
    for part in (graph, graph.graph, *graph.graph.node, *graph.graph.value_info):
        del part.metadata_props[:]
    for function in graph.functions:
        del function.metadata_props[:]
    content: bytes = graph.SerializeToString()
    return content


def check_encoder(
    graph: bytes, encoder: nn.Module, images: NDArray[np.uint8], preprocessing: Preprocessing
) -> dict[str, float]:
    """Compares the exported encoder with the network on real images.

    Bits may differ only if the outputs are within the tolerance of 0.5, where rounding decides.

    Args:
        graph: The return value of `export_encoder`.
        encoder: The network that was exported.
        images: (N, h, w, 3), of size `preprocessing.crop`.
        preprocessing: Sizes of images.

    Returns:
        `largest_difference` of the outputs, and `equal_bits`, the share of bits that are equal.

    Raises:
        DualhashError: An output differs by more than `TOLERANCE`.
    """
    encoder = encoder.cpu().eval()
    with torch.inference_mode():
        expected = encoder(torch.from_numpy(np.ascontiguousarray(images))).numpy()
    exported = OnnxEncoder(graph, expected.shape[1], preprocessing).encode_arrays(images)
    difference = float(np.abs(exported - expected).max())
    equal = float((quantise(exported) == quantise(expected)).mean())
    if not difference <= TOLERANCE:
        raise DualhashError(
            f"The exported encoder differs from the network: outputs by up to {difference:.2g}, "
            f"and {equal:.2%} of the bits are equal. Nothing was written; try other versions of "
            "torch and onnxruntime, or another backbone."
        )
    return {"largest_difference": difference, "equal_bits": equal}
