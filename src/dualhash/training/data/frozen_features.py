"""What the frozen stages of a backbone make of every image, computed once and kept on disk."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualhash.catalogue.images import Preprocessing, centre_crop
from dualhash.network import Activations, BuiltBackbone, Normalise
from dualhash.training.data.image_cache import (
    KEY_LENGTH,
    CachedImages,
    Report,
    new_array,
    no_cache,
    opened,
)
from dualhash.training.data.training_labels import Rows

FORMAT = 1
CHUNK = 128
"""Images computed at a time."""

LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class Trunk:
    """Activations of N images and of their mirror images, in float16.

    Attributes:
        values: (N, 2, H * W * C + a), read from disk when used: maps in the order of (H, W, C),
            then averages; first of the image as it is, then of its mirror image.
        shape: (H, W, C) of the maps.
    """

    values: NDArray[np.float16]
    shape: tuple[int, int, int]

    def take(self, rows: Rows, mirrored: NDArray[np.bool_]) -> Activations:
        """Activations of `rows`, of the mirror image where `mirrored`, in float32."""
        values = torch.from_numpy(self.values[rows, mirrored.astype(np.intp)]).float()
        size = int(np.prod(self.shape))
        maps = values[:, :size].reshape(-1, *self.shape).permute(0, 3, 1, 2)
        return Activations(maps, (values[:, size:],))


def cached_trunk(
    images: CachedImages,
    preprocessing: Preprocessing,
    backbone: BuiltBackbone,
    folder: Path,
    report: Report = lambda done, total: None,
) -> Trunk:
    """The frozen stages' output for all images, computed now or by an earlier call.

    The file is named by a hash of the images, their crop and the weights of those stages. The
    stages compute in float32 and in evaluation mode, as in the exported encoder.

    Args:
        images: N images.
        preprocessing: Of which the central crop is taken.
        backbone: With stages frozen; left in evaluation mode.
        folder: Where caches are kept.
        report: Called with how many images are done and how many there are.

    Raises:
        DualhashError: The folder cannot be written, or there is no room.
    """
    backbone.eval()
    normalise = Normalise(backbone.spec)
    example = centre_crop(images.pixels[:1], preprocessing.crop)
    with torch.inference_mode():
        maps, averages = backbone.lower(normalise(torch.from_numpy(example.copy())))
    _, channels, height, width = maps.shape
    size = maps[0].numel() + sum(part.shape[1] for part in averages)
    target = folder / f"{_key(images, preprocessing, backbone)}.npy"
    try:
        if not target.exists():
            with new_array(target, np.float16, (len(images.pixels), 2, size)) as values:
                for start in range(0, len(values), CHUNK):
                    chunk = slice(start, start + CHUNK)
                    pixels = centre_crop(images.pixels[chunk], preprocessing.crop)
                    for variant, seen in enumerate((pixels, pixels[:, :, ::-1])):
                        normalised = normalise(torch.from_numpy(seen.copy()))
                        values[chunk, variant] = _flat(backbone, normalised)
                    report(min(start + CHUNK, len(values)), len(values))
        return Trunk(opened(target), (height, width, channels))
    except OSError as error:
        raise no_cache("The output of the frozen stages", folder, error) from error


@torch.inference_mode()
def _flat(backbone: BuiltBackbone, images: Tensor) -> NDArray[np.float16]:
    maps, averages = backbone.lower(images)
    parts = [maps.permute(0, 2, 3, 1).flatten(1), *averages]
    flat: NDArray[np.float16] = torch.cat(parts, dim=1).clamp(-LARGEST, LARGEST).half().numpy()
    return flat


def _key(images: CachedImages, preprocessing: Preprocessing, backbone: BuiltBackbone) -> str:
    digest = sha256(f"trunk {FORMAT} {images.key} {preprocessing.crop}".encode())
    digest.update(f"{backbone.spec.name} {backbone.spec.mean} {backbone.spec.std}".encode())
    for part in backbone.frozen_parts:
        for tensor in part.state_dict().values():
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:KEY_LENGTH]
