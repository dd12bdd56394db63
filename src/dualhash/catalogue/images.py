"""Decodes images: any format that Pillow reads, upright, on white, and never half."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike, fspath
from pathlib import PurePath
from threading import Lock
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError, features
from pydantic import BaseModel, ConfigDict, PositiveInt, model_validator

from dualhash.errors import DualhashError
from dualhash.files import not_readable

INSTALL: dict[str, str] = {}
"""What to install to read files with a suffix; empty for formats that can be read.

All code that opens images must import this module, which lets Pillow read HEIC files."""

try:
    from pillow_heif import register_heif_opener
except ImportError:
    INSTALL |= dict.fromkeys((".heic", ".heif", ".hif"), "'dualhash[heif]' for HEIC")
else:
    register_heif_opener()

if not ("avif" in features.modules and features.check_module("avif")):
    INSTALL[".avif"] = "a wheel of 'pillow>=11.3' for AVIF"

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".hif", ".jfif", ".jp2", ".jpeg", ".jpg", ".pbm"}
    | {".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
) - frozenset(INSTALL)
"""In a folder, files with one of these suffixes, in any case, are images."""

UNREADABLE_SUFFIXES = frozenset(
    {".arw", ".cr2", ".cr3", ".dng", ".eps", ".jxl", ".nef", ".orf"}
    | {".pef", ".psd", ".raf", ".raw", ".rw2", ".srw", ".svg", ".xcf"}
) | frozenset(INSTALL)
"""Suffixes of pictures that cannot be read; they are counted, so that they are not overlooked."""


ImageLike = str | PathLike[str] | bytes | Image.Image | NDArray[np.uint8]
"""An image file, the content of one, an image of Pillow, or an RGB array (h, w, 3) uint8."""


LOADING = Lock()
"""Held while an image of Pillow reads its pixels, which two threads must not do at once."""


class ImageError(DualhashError):
    """An image that does not exist, is damaged, or is not an image; the message names it."""


class Preprocessing(BaseModel):
    """How a decoded image becomes the pixels that a network sees.

    Attributes:
        resize: (height, width) in pixels to which every image is resized.
        crop: (height, width) of the central part that the network sees, at most `resize`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    resize: tuple[PositiveInt, PositiveInt]
    crop: tuple[PositiveInt, PositiveInt]

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop[0] > self.resize[0] or self.crop[1] > self.resize[1]:
            raise ValueError(f"crop {self.crop} does not fit into resize {self.resize}")
        return self


def image_name(image: ImageLike) -> str:
    """How messages name an image: by its path, or by its size if it is no file."""
    match image:
        case bytes():
            return f"The content ({len(image):,} bytes)"
        case Image.Image():
            return f"The image ({image.mode}, {image.width} x {image.height} pixels)"
        case np.ndarray():
            return f"The array ({image.dtype} of shape {image.shape})"
        case _:
            return fspath(image)


def decode(image: ImageLike) -> Image.Image:
    """The image in mode RGB, rotated by its EXIF orientation; the first frame of an animation.

    Transparent parts become white. Grey values of 16 bits are scaled to 8.

    Raises:
        ImageError: The file does not exist, is damaged, truncated or not an image, or is so large
            when decoded that Pillow refuses it; or an array has another dtype or shape.
    """
    with _opened(image) as opened:
        return upright(opened)


def upright(image: Image.Image) -> Image.Image:
    """An opened image in mode RGB, rotated by its EXIF orientation, on white; see `decode`."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        grey = np.asarray(image).clip(0, 65535) // 257
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def squash(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    """An RGB image at (height, width) `size` as (H, W, 3) uint8, bilinear with antialiasing."""
    height, width = size
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def probe(path: str | PathLike[str]) -> tuple[int, int]:
    """(height, width) as stored in the file, after reading all of it to check that it is complete.

    Cheaper than `decode`: a JPEG is decoded at an eighth of its size.

    Raises:
        ImageError: As `decode` does.
    """
    with _opened(path) as image:
        width, height = image.size
        image.draft("RGB", (width // 8, height // 8))
        image.load()
        return height, width


def load_image(image: ImageLike, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """The image resized to `preprocessing.resize`, bilinear with antialiasing; not cropped.

    Returns:
        (H, W, 3) uint8, RGB.

    Raises:
        ImageError: As `decode` does.
    """
    return squash(decode(image), preprocessing.resize)


def centre_crop(images: NDArray[np.uint8], crop: tuple[int, int]) -> NDArray[np.uint8]:
    """The centre of images, a view; the smaller half of an odd margin is above and left.

    Args:
        images: (…, H, W, 3) uint8.
        crop: (h, w) in pixels, h <= H and w <= W.

    Returns:
        (…, h, w, 3) uint8.

    Raises:
        ValueError: The crop is larger than the images.
    """
    top, left = (images.shape[-3] - crop[0]) // 2, (images.shape[-2] - crop[1]) // 2
    if top < 0 or left < 0:
        raise ValueError(f"crop {crop} does not fit into images of {images.shape[-3:-1]}")
    return images[..., top : top + crop[0], left : left + crop[1], :]


@contextmanager
def _opened(source: ImageLike) -> Iterator[Image.Image]:
    """Opens an image; any error until it is closed becomes an `ImageError`."""
    name = image_name(source)
    try:
        match source:
            case Image.Image():
                with LOADING:
                    source.load()
                yield source  # it stays open, because the caller opened it
            case np.ndarray():
                yield _from_array(source)
            case _:
                with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
                    yield image
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist.") from error
    except PermissionError as error:
        raise ImageError(not_readable(name)) from error
    except UnidentifiedImageError as error:
        install = INSTALL.get(PurePath(name).suffix.lower())
        hint = f" Install {install}." if install else ""
        raise ImageError(f"{name} is not an image of a format that can be read.{hint}") from error
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # Pillow's decoders raise any exception on damaged files
        raise ImageError(f"{name} cannot be read: {error}") from error


def _from_array(pixels: NDArray[np.uint8]) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ImageError(
            f"{image_name(pixels)} is not an image: it must be uint8 of shape (height, width, 3), "
            "RGB, and not empty."
        )
    return Image.fromarray(pixels)
