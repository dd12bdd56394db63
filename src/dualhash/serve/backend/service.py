"""Connects the parts of a server: index, queues, decoders, caches and metrics."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.model import Model
from dualhash.codes.packing import pack, quantise
from dualhash.codes.ten_crop import enlarged_for_views
from dualhash.search.index import Index
from dualhash.search.remote import messages
from dualhash.serve import schemas
from dualhash.serve.backend.index_watcher import IndexWatcher
from dualhash.serve.backend.loaded_index import LoadedIndex
from dualhash.serve.backend.search_batches import SearchBatches
from dualhash.serve.http.body import BodyReader, IncomingSearch
from dualhash.serve.http.errors import ProblemError
from dualhash.serve.http.limits import BoundedQueue
from dualhash.serve.http.metrics import Metrics
from dualhash.serve.settings import Settings
from dualhash.serve.uploads.decoder_pool import DecoderPool
from dualhash.serve.uploads.thumbnails import ThumbnailCache

T = TypeVar("T")

VECTORS_ONLY = "The model takes vectors, not images: search with a vector, an item or attributes."
IMAGES_ONLY = "The model takes images, not vectors: search with an image, an item or attributes."

SEARCH_SLOTS = 4
"""Jobs of the thread of the index that are accepted beyond the length of the queue."""


class Service:
    """Answers requests about the index at a path.

    Attributes:
        watcher: The index.
        body_reader: Reads searches from requests.
        search_queue: Searches and other uses of the index.
        metrics: The metrics of the server.
    """

    def __init__(self, path: Path, model_folder: Path | None, settings: Settings) -> None:
        """Opens nothing before `start`."""
        self.watcher = IndexWatcher(path, model_folder)
        self.body_reader = BodyReader(settings)
        self.metrics = Metrics()
        self._upload_decoders = DecoderPool(settings, settings.decoder_processes)
        self._thumbnail_decoders = DecoderPool(settings, 1)  # so that uploads cannot delay it
        self._encode_queue = BoundedQueue(1, settings.queue_length)
        # All that is accepted is given to the thread, so that searches that wait are seen together.
        self.search_queue = BoundedQueue(SEARCH_SLOTS + settings.queue_length, 0)
        self._thumbnails = ThumbnailCache()
        self._batches: WeakKeyDictionary[LoadedIndex, SearchBatches] = WeakKeyDictionary()
        for work, queue in (
            ("decode", self._upload_decoders.queue),
            ("encode", self._encode_queue),
        ):
            self.metrics.waiting.labels(work).set_function(partial(getattr, queue, "waiting"))
        self.metrics.waiting.labels("search").set_function(
            lambda: sum(batches.waiting for batches in self._batches.values())
        )

    async def start(self) -> None:
        """Opens the index and starts the decoder processes.

        Raises:
            DualhashError: The index cannot be opened.
        """
        await self.watcher.start()
        await asyncio.gather(self._upload_decoders.start(), self._thumbnail_decoders.start())

    async def stop(self) -> None:
        """Closes the index and ends the decoder processes."""
        await asyncio.gather(self._upload_decoders.stop(), self._thumbnail_decoders.stop())
        await self.watcher.stop()

    async def search(self, incoming: IncomingSearch) -> bytes:
        """Searches, and returns a `SearchResponse` as JSON.

        Raises:
            ProblemError: The image cannot be used, the index was replaced, or the server is busy.
            DualhashError: The search is not possible.
        """
        search, code = incoming.search, None
        timings: dict[str, float] = {}
        with _timed(timings, "total"):
            async with self.watcher.use() as loaded:
                if search.generation not in (None, loaded.generation):
                    raise ProblemError(
                        "index-replaced", "The index was replaced; search again from the beginning."
                    )
                if incoming.image is not None:
                    code = await self._encode_upload(loaded, incoming.image, timings)
                elif search.vector is not None:
                    code = await self._encode_vector(loaded, search.vector, timings)
                async with self.search_queue.slot():
                    with _timed(timings, "search"):
                        answer = await self._batches_of(loaded).answer(search, code)
        latency = self.metrics.search_seconds.labels(answer.task, incoming.query_kind)
        latency.observe(timings["total"] / 1000)
        spent = messages.Timings(**timings).model_dump_json()
        return b'%b,"timings":%b}' % (answer.json[:-1], spent.encode())

    def _batches_of(self, loaded: LoadedIndex) -> SearchBatches:
        if loaded not in self._batches:
            self._batches[loaded] = SearchBatches(loaded, self.metrics.batch_size.observe)
        return self._batches[loaded]

    async def read(self, work: Callable[[Index, str], T]) -> T:
        """Returns `work(index, version)`.

        Raises:
            ProblemError: The server is busy.
            DualhashError: As raised by `work`.
        """
        async with self.watcher.use() as loaded, self.search_queue.slot():
            return await loaded.run(lambda index: work(index, loaded.version))

    async def read_cached(self, work: Callable[[Index], T]) -> T:
        """Returns `work(index)`, computed once for each state of the index.

        Raises:
            ProblemError: The server is busy.
            DualhashError: As raised by `work`.
        """
        async with self.watcher.use() as loaded, self.search_queue.slot():
            return await loaded.run_cached(work)

    async def thumbnail(self, number: int, side: int) -> tuple[bytes, str]:
        """Returns an item's image as WebP, at most `side` pixels wide and high, and its ETag.

        Raises:
            ProblemError: The image cannot be read, or the server is busy.
            ItemNotFoundError: No item has this id.
        """
        item = await self.read(lambda index, _: index.item(number))
        if not item.image:
            raise ProblemError("image-missing", f"Item {number} has no image file.")
        try:
            modified = (await asyncio.to_thread(Path(item.image).stat)).st_mtime_ns
        except (OSError, ValueError) as error:
            raise ProblemError(
                "image-missing", f"The image file of item {number} was moved or deleted."
            ) from error
        key = (item.image, modified, side)
        image = self._thumbnails.get(key)
        if image is None:
            image = await self._thumbnail_decoders.thumbnail(item.image, side)
            self._thumbnails.put(key, image)
        return image, f'"{sha256(repr(key).encode()).hexdigest()[:32]}"'

    async def stats(self) -> schemas.Stats:
        """Returns the size and state of the index."""
        async with self.watcher.use() as loaded:
            async with self.search_queue.slot():
                counts = await loaded.run_cached(Index.stats)
            length = None if loaded.model is None else loaded.model.card.vector_length
            return schemas.Stats(
                **vars(counts),
                name=self.watcher.path.name,
                generation=loaded.generation,
                model=loaded.index.header.model_hash,
                images=loaded.model is not None and length is None,
                vector_length=length,
                problem=self.watcher.problem or loaded.model_problem,
            )

    def metrics_text(self) -> bytes:
        """Returns the metrics in Prometheus' text format, without using the index."""
        if loaded := self.watcher.current:
            self.metrics.items.set(loaded.items)
            self.metrics.generation.set(loaded.generation)
        return self.metrics.text()

    async def _encode_upload(
        self, loaded: LoadedIndex, image: bytes, timings: dict[str, float]
    ) -> NDArray[np.uint8]:
        """Returns the code (k/8,) of an uploaded image."""
        model, views = _model(loaded), loaded.index.header.views
        if model.card.vector_length:
            raise ProblemError("query-refused", VECTORS_ONLY)
        size = enlarged_for_views(model.image_encoder.preprocessing, views).resize
        with _timed(timings, "decode"):
            pixels = await self._upload_decoders.pixels(image, size)
        async with self._encode_queue.slot():
            with _timed(timings, "encode"):
                return await asyncio.to_thread(_encode, model, pixels, views)

    async def _encode_vector(
        self, loaded: LoadedIndex, values: list[float], timings: dict[str, float]
    ) -> NDArray[np.uint8]:
        """Returns the code (k/8,) of a vector."""
        model = _model(loaded)
        if model.card.vector_length is None:
            raise ProblemError("query-refused", IMAGES_ONLY)
        with np.errstate(over="ignore"):
            vectors = np.array([values], np.float32)
        async with self._encode_queue.slot():
            with _timed(timings, "encode"):
                encoded = await asyncio.to_thread(model.encode_vectors, vectors, None)
        (code,) = encoded.codes
        return np.asarray(code)


def _model(loaded: LoadedIndex) -> Model:
    if loaded.model is None:
        raise ProblemError(
            "model-unavailable", loaded.model_problem or "The model is not available."
        )
    return loaded.model


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    """Adds the milliseconds spent in the block to the timings of a search."""
    started = time.perf_counter()
    yield
    timings[stage] = 1000 * (time.perf_counter() - started)


def _encode(model: Model, pixels: NDArray[np.uint8], views: int) -> NDArray[np.uint8]:
    (code,) = pack(quantise(model.image_encoder.encode_views(pixels[None], views)))
    return np.asarray(code)
