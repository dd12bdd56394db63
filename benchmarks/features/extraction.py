"""Images a second of an extractor, against eager PyTorch with the same network."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.features.steps import Figures
from benchmarks.timing import in_turns
from dualhash.catalogue.images import load_image
from dualhash.codes.encoder import IMAGE_BATCH
from dualhash.features.feature_array import extract_features
from dualhash.features.installed_weights import network_with_installed_weights
from dualhash.features.pooled_network import PooledNetwork, pretrained_config
from dualhash.features.registry import open_extractor

EXTRACTOR = "efficientnet-lite0"

COMPARED = 256
"""Images that both compute, enough for the pace of a long extraction."""


def measure_extraction(
    images: Sequence[Path], image_size: tuple[int, int], cache: Path, repeats: int = 7
) -> Figures:
    """Medians of interleaved runs, with all cores.

    The first `COMPARED` images go through onnxruntime, and by `IMAGE_BATCH` through eager
    PyTorch. All images then go through onnxruntime as arrays, and from their files to an array of
    features on disk.

    Args:
        images: Files, at least `COMPARED`.
        image_size: (height, width) of the images in pixels.
        cache: Folder for the exported graph.
        repeats: How often each is timed.
    """
    extractor = open_extractor(EXTRACTOR, image_size, cache)
    network = network_with_installed_weights(EXTRACTOR)
    config = pretrained_config(network)
    eager = PooledNetwork(network, config["mean"], config["std"])
    pixels = np.stack([load_image(image, extractor.preprocessing) for image in images])
    compared = pixels[:COMPARED]

    @torch.inference_mode()
    def by_torch() -> NDArray[np.float16]:
        batches = torch.from_numpy(compared).split(IMAGE_BATCH)
        features: NDArray[np.float16] = torch.cat([eager(batch) for batch in batches]).numpy()
        return features

    def from_files() -> None:
        with TemporaryDirectory(dir=cache) as folder:
            extract_features(extractor, images, Path(folder))

    one = in_turns(
        {"onnxruntime": lambda: extractor.extract(compared), "PyTorch": by_torch}, repeats
    )
    many = in_turns({"arrays": lambda: extractor.extract(pixels), "files": from_files}, repeats)
    ours, theirs = (each.astype(np.float32) for each in (extractor.extract(compared), by_torch()))
    difference = np.abs(ours - theirs)
    return {
        "size": list(extractor.preprocessing.crop),
        "images": len(compared),
        "repeats": repeats,
        "images_per_second": {
            **{name: round(len(compared) / seconds, 1) for name, seconds in one.items()},
            **{name: round(len(pixels) / seconds, 1) for name, seconds in many.items()},
        },
        "ratio": round(one["PyTorch"] / one["onnxruntime"], 3),
        "files_against_arrays": round(many["arrays"] / many["files"], 3),
        "largest_difference": float(difference.max()),
        "largest_relative_difference": float((difference / (1 + np.abs(theirs))).max()),
    }
