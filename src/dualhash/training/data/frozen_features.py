"""Output of the frozen stages of a backbone for every image, computed once and cached on disk."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dualhash.array_cache import KEY_LENGTH, Report, cached_array
from dualhash.catalogue.images import Preprocessing, centre_crop
from dualhash.network import Activations, BuiltBackbone, Normalise
from dualhash.training.data.image_cache import CachedImages
from dualhash.training.data.training_labels import Rows

FORMAT = 1
CHUNK = 128
"""Images computed at a time."""

LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class FrozenFeatures:
    """Activations of N images and of their mirror images.

    Attributes:
        values: (N, 2, H * W * C + a) float16, a memory map: feature maps in the order (H, W, C),
            then averages; index 0 is the image, 1 its mirror image.
        shape: (H, W, C) of the feature maps.
    """

    values: NDArray[np.float16]
    shape: tuple[int, int, int]

    def take(self, rows: Rows, mirrored: NDArray[np.bool_]) -> Activations:
        """Returns the activations of `rows` in float32, of mirror images where `mirrored`."""
        values = torch.from_numpy(self.values[rows, mirrored.astype(np.intp)]).float()
        size = int(np.prod(self.shape))
        maps = values[:, :size].reshape(-1, *self.shape).permute(0, 3, 1, 2)
        return Activations(maps, (values[:, size:],))


def cached_frozen_features(
    images: CachedImages,
    preprocessing: Preprocessing,
    backbone: BuiltBackbone,
    folder: Path,
    report: Report = lambda done, total: None,
) -> FrozenFeatures:
    """Returns the output of the frozen stages for all images, computed now or by an earlier call.

    The file is named by a hash of the images, the crop and the weights of the frozen stages. The
    stages compute in float32 and in evaluation mode, as in the exported encoder.

    Args:
        images: N images.
        preprocessing: Its central crop is used.
        backbone: With frozen stages; left in evaluation mode.
        folder: Folder of the cache.
        report: Called with the numbers of images computed and of all images.

    Raises:
        DualhashError: The folder cannot be written, or the disk is full.
    """
    backbone.eval()
    normalise = Normalise(backbone.spec)

    @torch.inference_mode()
    def lower(pixels: NDArray[np.uint8]) -> Activations:
        return backbone.lower(normalise(torch.from_numpy(pixels.copy())))

    def compute(values: NDArray[np.float16]) -> None:
        for start in range(0, len(values), CHUNK):
            chunk = slice(start, start + CHUNK)
            pixels = centre_crop(images.pixels[chunk], preprocessing.crop)
            for variant, variant_pixels in enumerate((pixels, pixels[:, :, ::-1])):
                values[chunk, variant] = _flat(lower(variant_pixels)).half().numpy()
            report(min(start + CHUNK, len(values)), len(values))

    example = lower(centre_crop(images.pixels[:1], preprocessing.crop))
    _, channels, height, width = example.maps.shape
    shape = (len(images.pixels), 2, _flat(example).shape[1])
    path = folder / f"{_key(images, preprocessing, backbone)}.npy"
    return FrozenFeatures(cached_array(path, np.float16, shape, compute), (height, width, channels))


def _flat(activations: Activations) -> Tensor:
    parts = [activations.maps.permute(0, 2, 3, 1).flatten(1), *activations.averages]
    return torch.cat(parts, dim=1).clamp(-LARGEST, LARGEST)


def _key(images: CachedImages, preprocessing: Preprocessing, backbone: BuiltBackbone) -> str:
    digest = sha256(f"trunk {FORMAT} {images.key} {preprocessing.crop}".encode())
    digest.update(f"{backbone.spec.name} {backbone.spec.mean} {backbone.spec.std}".encode())
    for part in backbone.frozen_parts:
        for tensor in part.state_dict().values():
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:KEY_LENGTH]
