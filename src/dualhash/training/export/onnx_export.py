"""Export of an encoder to ONNX, and the check that the graph equals the network."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dualhash.catalogue.images import Preprocessing
from dualhash.codes.encoder import Encoder, VectorEncoder
from dualhash.codes.packing import quantise
from dualhash.errors import DualhashError
from dualhash.features.extractor import FEATURES
from dualhash.features.onnx_export import export_module
from dualhash.features.onnx_graphs import join
from dualhash.network import NetworkEncoder
from dualhash.training.data.training_data import TrainingData
from dualhash.training.initial_network import initial_network

CHECKED = 64
"""Number of training images on which the exported encoder is compared with the network."""

TOLERANCE = 1e-3
"""By how much an output, between 0 and 1, may differ between ONNX Runtime and torch."""


def export_checked(encoder: nn.Module, data: TrainingData) -> tuple[bytes, dict[str, float]]:
    """Exports an encoder and compares the graph with it on training images.

    Returns:
        The graph of `export_encoder` and the report of `check_encoder`.

    Raises:
        DualhashError: The encoder cannot be exported, or the graph differs from it.
    """
    rows = data.training[:CHECKED]
    if data.vector_length and data.features:
        vectors = data.features.take(rows).float()
        graph = export_head(encoder, data.vector_length, torch.float32)
        expected = torch_outputs(encoder, vectors)
        exported = VectorEncoder(graph, expected.shape[1], data.vector_length)
        return graph, compare_outputs(exported.encode(vectors.numpy()), expected)
    assert data.preprocessing is not None
    sample = data.images(rows)
    if data.features and not data.frozen and (extractor := data.features.extractor):
        head = export_head(encoder, extractor.size, torch.float16)
        graph = join(extractor.graph, head, FEATURES)
        features = torch.from_numpy(extractor.extract(sample))
        return graph, check_encoder(graph, encoder, sample, data.preprocessing, features)
    graph = export_encoder(encoder, data.preprocessing.crop)
    return graph, check_encoder(graph, encoder, sample, data.preprocessing)


def export_head(head: nn.Module, size: int, dtype: torch.dtype) -> bytes:
    """Exports a head: `features` (N, size), any N, to `outputs` float32 (N, k).

    Raises:
        DualhashError: The head uses operations that ONNX does not support.
    """
    example = torch.zeros(2, size, dtype=dtype)
    return export_module(head.cpu().eval(), example, input_name=FEATURES, output_name="outputs")


def check_export(data: TrainingData) -> None:
    """Checks before a training that its network can be exported.

    Raises:
        DualhashError: It cannot.
    """
    with torch.random.fork_rng(devices=()):
        features = data.feature_sample
        encoder = NetworkEncoder(
            initial_network(data.config, data.preprocessing, data.names, features)
        )
        if features is None:
            export_encoder(encoder, data.crop)
        else:
            export_head(encoder, features.shape[1], features.dtype)


def export_encoder(encoder: nn.Module, crop: tuple[int, int]) -> bytes:
    """Exports an encoder: `images` uint8 (N, h, w, 3), any N, to `outputs` float32 (N, k).

    If normalisation and backbone lead the encoder, the graph has their output as `features`, so
    that a model folder can serve as an extractor.

    Raises:
        DualhashError: The encoder uses operations that ONNX does not support.
    """
    encoder = encoder.cpu().eval()
    images = torch.zeros(2, *crop, 3, dtype=torch.uint8)
    if not isinstance(encoder, nn.Sequential):
        return export_module(encoder, images, input_name="images", output_name="outputs")
    parts = list(encoder)
    lower, head = nn.Sequential(*parts[:2]).eval(), nn.Sequential(*parts[2:])
    graph = export_module(lower, images, input_name="images", output_name=FEATURES)
    size = torch_outputs(lower, images).shape[1]
    return join(graph, export_head(head, size, torch.float32), FEATURES)


def check_encoder(
    graph: bytes,
    encoder: nn.Module,
    images: NDArray[np.uint8],
    preprocessing: Preprocessing,
    features: Tensor | None = None,
) -> dict[str, float]:
    """Compares an exported encoder with its torch module on real images.

    Args:
        graph: The exported encoder.
        encoder: The torch module.
        images: (N, h, w, 3), of the size `preprocessing.crop`.
        preprocessing: Sizes of images.
        features: Kept features of the images, if the torch module takes these.

    Returns:
        As `compare_outputs`.

    Raises:
        DualhashError: An output differs by more than `TOLERANCE`.
    """
    inputs = torch.from_numpy(np.ascontiguousarray(images)) if features is None else features
    expected = torch_outputs(encoder, inputs)
    outputs = Encoder(graph, expected.shape[1], preprocessing).encode_arrays(images)
    return compare_outputs(outputs, expected)


def torch_outputs(encoder: nn.Module, inputs: Tensor) -> NDArray[np.float32]:
    """Returns the outputs (N, k) of the torch module of an encoder."""
    with torch.inference_mode():
        outputs: NDArray[np.float32] = encoder.cpu().eval()(inputs).numpy()
    return outputs


def compare_outputs(
    outputs: NDArray[np.float32], expected: NDArray[np.float32]
) -> dict[str, float]:
    """Compares outputs of an exported encoder with those of its torch module.

    Bits may differ only if the outputs are within the tolerance of 0.5, where rounding decides.

    Args:
        outputs: (N, k), of the exported encoder.
        expected: (N, k), of the torch module.

    Returns:
        `largest_difference` of the outputs, and `equal_bits`, the share of bits that are equal.

    Raises:
        DualhashError: An output differs by more than `TOLERANCE`.
    """
    difference = float(np.abs(outputs - expected).max())
    equal = float((quantise(outputs) == quantise(expected)).mean())
    if not difference <= TOLERANCE:
        raise DualhashError(
            f"The exported encoder differs from the network: outputs by up to {difference:.2g}, "
            f"and {equal:.2%} of the bits are equal. Nothing was written; try other versions of "
            "torch and onnxruntime, or another backbone."
        )
    return {"largest_difference": difference, "equal_bits": equal}
