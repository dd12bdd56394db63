"""`encoder.onnx` at work: image files in, outputs of the hash layer out. Needs no torch."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from dualhash.catalogue.images import ImageError, Preprocessing, load_image
from dualhash.codes.packing import pack, quantise
from dualhash.codes.ten_crop import check_views, take_views, with_room
from dualhash.errors import DualhashError

BATCH = 64
"""Images that the network sees at a time."""

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are in all."""


@dataclass(frozen=True)
class Failure:
    """An image that could not be encoded.

    Attributes:
        row: Its place in what was asked for.
        image: Its path.
        reason: A plain sentence.
    """

    row: int
    image: str
    reason: str


@dataclass(frozen=True, eq=False)
class Encoded:
    """What became of N images.

    Attributes:
        reals: (N, k) float32 outputs of the hash layer in [0, 1]; nan where an image failed.
        failures: The images that failed, by row.
    """

    reals: NDArray[np.float32]
    failures: tuple[Failure, ...]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows that were encoded, ascending."""
        failed = [failure.row for failure in self.failures]
        return np.delete(np.arange(len(self.reals)), failed)

    @property
    def codes(self) -> NDArray[np.uint8]:
        """Packed codes (len(rows), k/8) of the rows that were encoded."""
        return pack(quantise(self.reals[self.rows]))


class Encoder:
    """A session of an encoder: `images` uint8 (N, h, w, 3) to `outputs` float32 (N, k)."""

    def __init__(
        self, graph: bytes, bits: int, preprocessing: Preprocessing, threads: int | None = None
    ) -> None:
        """Loads the network.

        Args:
            graph: Content of `encoder.onnx`.
            bits: k, the length of a code.
            preprocessing: How an image becomes its input.
            threads: Threads of the network; None takes one per core.

        Raises:
            DualhashError: It is not such an encoder.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors have no other common base
            raise DualhashError(f"The encoder cannot be loaded: {error}") from error
        self.bits = bits
        self.preprocessing = preprocessing
        self._check_interface()

    def encode_arrays(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Outputs of the hash layer (N, k) in [0, 1] of images (N, h, w, 3) uint8, RGB.

        Raises:
            DualhashError: The images are not of the crop's size.
        """
        shape = (*self.preprocessing.crop, 3)
        if images.shape[1:] != shape or images.dtype != np.uint8:
            raise DualhashError(
                f"The encoder takes images of shape {shape} as uint8, not {images.shape[1:]} as "
                f"{images.dtype}."
            )
        reals = np.empty((len(images), self.bits), np.float32)
        for start in range(0, len(images), BATCH):
            batch = np.ascontiguousarray(images[start : start + BATCH])
            (reals[start : start + BATCH],) = self._session.run(["outputs"], {"images": batch})
        return reals

    def encode_views(self, images: NDArray[np.uint8], views: int) -> NDArray[np.float32]:
        """Outputs (N, k) of images (N, H, W, 3) uint8 before they are cropped, mean of the views.

        (H, W) is the `resize` of `with_room(preprocessing, views)`.
        """
        crops = take_views(images, self.preprocessing.crop, views)
        mean: NDArray[np.float32] = np.mean([self.encode_arrays(crop) for crop in crops], axis=0)
        return mean

    def encode(
        self, paths: Sequence[Path | str], *, views: int = 1, progress: Progress | None = None
    ) -> Encoded:
        """Outputs of image files; files are decoded while the network works on others.

        Args:
            paths: N image files.
            views: 1, or 10 to average the outputs of corners, centre and mirrors (see `views`).
            progress: Called as the work goes on.

        Returns:
            Outputs and failures; an image that cannot be decoded never stops the others.

        Raises:
            DualhashError: There is no such number of views.
        """
        check_views(views)
        preprocessing = with_room(self.preprocessing, views)
        reals = np.full((len(paths), self.bits), np.nan, np.float32)
        failures: list[Failure] = []
        for rows, loaded in _decoded(paths, preprocessing):
            images = {}
            for row, image in zip(rows, loaded, strict=True):
                if isinstance(image, Failure):
                    failures.append(image)
                else:
                    images[row] = image
            if images:
                reals[list(images)] = self.encode_views(np.stack(list(images.values())), views)
            if progress:
                progress(rows.stop, len(paths))
        return Encoded(reals, tuple(failures))

    def _check_interface(self) -> None:
        """Refuses a network with other inputs or outputs; sizes it does not state are trusted."""
        found_in, *more_in = self._session.get_inputs()
        found_out, *_ = self._session.get_outputs()
        wanted_in = [None, *self.preprocessing.crop, 3]
        fits = (
            not more_in
            and (found_in.name, found_in.type) == ("images", "tensor(uint8)")
            and (found_out.name, found_out.type) == ("outputs", "tensor(float)")
            and _agree(found_in.shape, wanted_in)
            and _agree(found_out.shape, [None, self.bits])
        )
        if not fits:
            raise DualhashError(
                f"The encoder does not fit its model: it maps {found_in.name} {found_in.shape} to "
                f"{found_out.name} {found_out.shape}, not images {wanted_in} to outputs "
                f"{[None, self.bits]}."
            )


def _decoded(
    paths: Sequence[Path | str], preprocessing: Preprocessing
) -> Iterator[tuple[range, list[NDArray[np.uint8] | Failure]]]:
    """Rows and their images in batches; the next one is decoded while the caller works on this."""

    def load(row: int) -> NDArray[np.uint8] | Failure:
        try:
            return load_image(paths[row], preprocessing)
        except ImageError as error:
            return Failure(row, str(paths[row]), str(error))

    rows = range(len(paths))
    with ThreadPoolExecutor() as pool:
        batches = (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
        started = ((batch, pool.map(load, batch)) for batch in batches)
        current = next(started, None)
        while current:
            ahead = next(started, None)
            batch, images = current
            yield batch, list(images)
            current = ahead


def _agree(stated: Sequence[int | str | None], wanted: Sequence[int | None]) -> bool:
    return len(stated) == len(wanted) and all(
        want is None or not isinstance(size, int) or size == want
        for size, want in zip(stated, wanted, strict=True)
    )
