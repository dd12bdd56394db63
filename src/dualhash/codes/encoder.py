"""Encoders: compute hash-layer outputs of images or vectors by `encoder.onnx`. No torch."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dualhash.catalogue.images import (
    ImageError,
    ImageLike,
    Preprocessing,
    image_name,
    load_image,
)
from dualhash.catalogue.vectors import IN_MEMORY, check_vectors
from dualhash.codes.onnx_session import OnnxSession
from dualhash.codes.packing import pack, quantise
from dualhash.codes.ten_crop import check_views, crop_views, enlarged_for_views
from dualhash.errors import DualhashError

IMAGE_BATCH = 64
"""Images decoded at a time."""

IMAGES_PER_RUN, VECTORS_PER_RUN = 4, 1024
"""Images, and vectors, of one run of a network."""

Progress = Callable[[int, int], None]
"""Called with the numbers of completed images and of all images."""


@dataclass(frozen=True)
class Failure:
    """An image that could not be encoded.

    Attributes:
        row: Its index among the given images.
        image: Its path; a description if it is no file.
        reason: A sentence.
    """

    row: int
    image: str
    reason: str


@dataclass(frozen=True, eq=False)
class Encoded:
    """Hash-layer outputs of N images.

    Attributes:
        reals: (N, k) float32 in [0, 1]; NaN for images that failed.
        failures: The images that failed, ordered by row.
    """

    reals: NDArray[np.float32]
    failures: tuple[Failure, ...]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows that were encoded, ascending."""
        failed = [failure.row for failure in self.failures]
        return np.delete(np.arange(len(self.reals)), failed)

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The packed codes (len(rows), k/8) of the rows that were encoded."""
        return pack(quantise(self.reals[self.rows]))


class Encoder:
    """An ONNX Runtime session: `images` uint8 (N, h, w, 3) to `outputs` float32 (N, k)."""

    def __init__(
        self, graph: bytes, bits: int, preprocessing: Preprocessing, threads: int | None = None
    ) -> None:
        """Loads the network.

        Args:
            graph: Content of `encoder.onnx`.
            bits: k, the length of a code.
            preprocessing: How an image becomes the input of the encoder.
            threads: Number of threads; None uses one per core.

        Raises:
            DualhashError: The graph cannot be loaded, or has other inputs or outputs.
        """
        images = ("images", "tensor(uint8)", [None, *preprocessing.crop, 3])
        self._session = open_session(graph, images, bits, threads)
        self.bits = bits
        self.preprocessing = preprocessing

    def encode_arrays(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns outputs (N, k) in [0, 1] of RGB images (N, h, w, 3) uint8.

        Raises:
            DualhashError: The images do not have the size of the crop.
        """
        shape = (*self.preprocessing.crop, 3)
        if images.shape[1:] != shape or images.dtype != np.uint8:
            raise DualhashError(
                f"The encoder needs uint8 images of shape {shape}, not {images.dtype} images of "
                f"shape {images.shape[1:]}."
            )
        reals = np.empty((len(images), self.bits), np.float32)
        self._session.run(images, reals, IMAGES_PER_RUN)
        return reals

    def encode_views(self, images: NDArray[np.uint8], views: int) -> NDArray[np.float32]:
        """Returns outputs (N, k) of uncropped images (N, H, W, 3) uint8, averaged over the views.

        (H, W) is the `resize` of `enlarged_for_views(preprocessing, views)`.
        """
        crops = crop_views(images, self.preprocessing.crop, views)
        mean: NDArray[np.float32] = np.mean([self.encode_arrays(crop) for crop in crops], axis=0)
        return mean

    def encode(
        self, images: Sequence[ImageLike], *, views: int = 1, progress: Progress | None = None
    ) -> Encoded:
        """Returns outputs of images. Images are decoded while the network computes others.

        Args:
            images: N images, each a file, the content of one, an image of Pillow or an RGB array
                (h, w, 3) uint8.
            views: 1, or 10 to average the outputs of ten crops (see `crop_views`).
            progress: Called after each batch.

        Returns:
            Outputs and failures; images that cannot be decoded do not stop the others.

        Raises:
            DualhashError: The number of views is not supported.
        """
        check_views(views)
        preprocessing = enlarged_for_views(self.preprocessing, views)
        reals = np.full((len(images), self.bits), np.nan, np.float32)
        failures: list[Failure] = []
        for rows, loaded in decoded_batches(images, preprocessing):
            failures += [image for image in loaded if isinstance(image, Failure)]
            pairs = zip(rows, loaded, strict=True)
            decoded = {row: pixels for row, pixels in pairs if not isinstance(pixels, Failure)}
            if decoded:
                reals[list(decoded)] = self.encode_views(np.stack(list(decoded.values())), views)
            if progress:
                progress(rows.stop, len(images))
        return Encoded(reals, tuple(failures))


class VectorEncoder:
    """An ONNX Runtime session: `features` float32 (N, d) to `outputs` float32 (N, k)."""

    def __init__(self, graph: bytes, bits: int, length: int, threads: int | None = None) -> None:
        """Loads the network.

        Args:
            graph: Content of `encoder.onnx`.
            bits: k, the length of a code.
            length: d, the length of a vector.
            threads: Number of threads; None uses one per core.

        Raises:
            DualhashError: The graph cannot be loaded, or has other inputs or outputs.
        """
        features = ("features", "tensor(float)", [None, length])
        self._session = open_session(graph, features, bits, threads)
        self.bits = bits
        self.length = length

    def encode(self, vectors: NDArray[Any], source: str | None = IN_MEMORY) -> NDArray[np.float32]:
        """Returns outputs (N, k) in [0, 1] of vectors (N, d) float16 or float32.

        Args:
            vectors: The vectors.
            source: What they come from, for messages; None for a query.

        Raises:
            DualhashError: Other types or lengths, or a value that is not finite; the message names
                the row, counted from 1.
        """
        check_vectors(vectors, source, self.length)
        outputs = np.empty((len(vectors), self.bits), np.float32)
        self._session.run(vectors, outputs, VECTORS_PER_RUN, np.float32)
        return outputs


Node = tuple[str, str, Sequence[int | None]]
"""Name, type and sizes of an input or output; None for any size."""


def open_session(graph: bytes, needed: Node, bits: int, threads: int | None) -> OnnxSession:
    """Loads an encoder; sizes that the graph leaves open are accepted.

    Args:
        graph: Content of `encoder.onnx`.
        needed: Its input.
        bits: k, the length of a code.
        threads: Number of threads; None uses one per core.

    Raises:
        DualhashError: The graph cannot be loaded, or has other inputs or outputs.
    """
    session = OnnxSession(graph, "encoder", threads)
    nodes = session.nodes
    expected = [needed, ("outputs", "tensor(float)", [None, bits])]
    if len(nodes) != 2 or not all(map(_matches, nodes, expected)):
        actual = " to ".join(f"{node.name} {node.shape}" for node in nodes)
        stated = " to ".join(f"{name} {shape}" for name, _, shape in expected)
        raise DualhashError(
            f"The encoder does not match model.json: it maps {actual}, not {stated}."
        )
    return session


def decoded_batches(
    images: Sequence[ImageLike], preprocessing: Preprocessing
) -> Iterator[tuple[range, list[NDArray[np.uint8] | Failure]]]:
    """Yields rows and images in batches; the next batch is decoded in the background."""

    def load(row: int) -> NDArray[np.uint8] | Failure:
        try:
            return load_image(images[row], preprocessing)
        except ImageError as error:
            return Failure(row, image_name(images[row]), str(error))

    rows = range(len(images))
    with ThreadPoolExecutor() as pool:
        batches = (rows[start : start + IMAGE_BATCH] for start in range(0, len(rows), IMAGE_BATCH))
        started = ((batch, pool.map(load, batch)) for batch in batches)
        current = next(started, None)
        while current:
            ahead = next(started, None)
            batch, loaded = current
            yield batch, list(loaded)
            current = ahead


def _matches(node: onnxruntime.NodeArg, expected: Node) -> bool:
    name, kind, sizes = expected
    return (node.name, node.type, len(node.shape)) == (name, kind, len(sizes)) and all(
        size is None or not isinstance(stated, int) or stated == size
        for stated, size in zip(node.shape, sizes, strict=True)
    )
