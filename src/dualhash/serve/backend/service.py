"""The parts of a server, and how a question goes through them."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dualhash.codes.model import Model
from dualhash.codes.packing import pack, quantise
from dualhash.codes.ten_crop import with_room
from dualhash.search.index import Index
from dualhash.serve import schemas
from dualhash.serve.backend import responses as answers
from dualhash.serve.backend.index_watcher import LiveIndex
from dualhash.serve.backend.loaded_index import Generation
from dualhash.serve.backend.search import ask
from dualhash.serve.http.body import IncomingRequest, Intake
from dualhash.serve.http.errors import Problem
from dualhash.serve.http.metrics import Metrics
from dualhash.serve.http.queues import Lane
from dualhash.serve.settings import Settings
from dualhash.serve.uploads.decoder_pool import Decoders
from dualhash.serve.uploads.thumbnails import Thumbnails

T = TypeVar("T")


AHEAD = 4
"""Searches that are handed to the thread of the index at a time, so that it need not wait for the
next one while others are received."""


class Service:
    """Answers questions about the index at a path.

    Attributes:
        live: The index.
        intake: Receives questions.
        metrics: What is measured.
    """

    def __init__(self, path: Path, model: Path | None, settings: Settings) -> None:
        """Opens nothing yet."""
        self.live = LiveIndex(path, model)
        self.intake = Intake(settings)
        self.metrics = Metrics()
        self._decoders = Decoders(settings)
        self._encoding = Lane(1, settings.waiting)
        self._searching = Lane(AHEAD, settings.waiting)
        self._thumbnails = Thumbnails()
        self.metrics.waits(
            [
                ("decode", lambda: self._decoders.lane.waiting),
                ("encode", lambda: self._encoding.waiting),
                ("search", lambda: self._searching.waiting),
            ]
        )

    async def start(self) -> None:
        """Opens the index and starts the processes.

        Raises:
            DualhashError: It cannot be opened.
        """
        await self.live.start()
        await self._decoders.start()

    async def stop(self) -> None:
        """Closes the index and ends the processes."""
        await self._decoders.stop()
        await self.live.stop()

    def check_room(self) -> None:
        """Refuses a search that could not even wait; the cheapest way to turn it away.

        Raises:
            Problem: As many wait as may.
        """
        self._searching.check_room()

    async def answer(self, question: IncomingRequest) -> schemas.SearchAnswer:
        """Searches.

        Raises:
            Problem: The image cannot be used, there is no such item, another index is asked than
                is served, or the server is busy.
            DualhashError: It cannot be searched for.
        """
        clock, asked = Clock(), question.search
        async with self.live.current() as served:
            if asked.generation not in (None, served.number):
                raise Problem(
                    "index-replaced",
                    "Another index has taken the place of the one that answered before; search "
                    "again from the beginning.",
                )
            code = None
            if question.image is not None:
                code = await self._code(served, question.image, clock)
            async with self._searching.slot():
                with clock.stage("search"):
                    answer = await served.run(
                        lambda index: ask(index, asked, code, served.number, served.version)
                    )
        served.items = answer.index.items
        answer.timings = clock.timings()
        self.metrics.searched(answer.task, question.kind, answer.timings.total / 1000)
        return answer

    async def look_up(self, work: Callable[[Index, str], T]) -> T:
        """The result of `work` on the index and its version.

        Raises:
            Problem: The server is busy.
            DualhashError: Whatever `work` raises.
        """
        async with self.live.current() as served, self._searching.slot():
            return await served.run(lambda index: work(index, served.version))

    async def known(self, work: Callable[[Index], T]) -> T:
        """The result of `work` on the index, which is done once for each state of it.

        Raises:
            Problem: The server is busy.
            DualhashError: Whatever `work` raises.
        """
        async with self.live.current() as served, self._searching.slot():
            return await served.known(work)

    async def thumbnail(self, item: int, side: int) -> tuple[bytes, str]:
        """An item's image as WebP, and its entity tag.

        Raises:
            Problem: There is no such item, its image cannot be read, or the server is busy.
        """
        async with self.live.current() as served:
            async with self._searching.slot():
                kept = await served.run(lambda index: answers.check_id(index, item))
            try:
                changed = (await asyncio.to_thread(Path(kept.image).stat)).st_mtime_ns
            except (OSError, ValueError) as error:
                raise Problem(
                    "image-missing", f"The image of item {item} is not where it was."
                ) from error
            key = (kept.image, changed, side)
            image = self._thumbnails.get(key)
            if image is None:
                image = await self._decoders.thumbnail(kept.image, side)
                self._thumbnails.put(key, image)
        return image, f'"{sha256(repr(key).encode()).hexdigest()[:32]}"'

    async def stats(self) -> schemas.Stats:
        """What is served."""
        async with self.live.current() as served:
            async with self._searching.slot():
                counted = asdict(await served.known(Index.stats))
            header = served.index.header
            return schemas.Stats(
                **{name: counted[name] for name in schemas.Stats.model_fields if name in counted},
                name=self.live.path.name,
                generation=served.number,
                model=header.model_hash,
                images=served.model is not None,
                problem=self.live.problem or served.problem,
            )

    def unready(self) -> str | None:
        """Why searches cannot be answered; None where they can."""
        served = self.live.served
        return served.unusable if served else "The index is not open."

    def measured(self) -> bytes:
        """What is measured, in Prometheus' text format; the index is not asked for it."""
        if served := self.live.served:
            self.metrics.holds(served.items, served.number)
        return self.metrics.text()

    async def _code(self, served: Generation, image: bytes, clock: "Clock") -> NDArray[np.uint8]:
        """The code (k/8,) of an uploaded image."""
        model, views = served.model, served.index.header.views
        if model is None:
            raise Problem("model-unavailable", served.problem or "The model is not there.")
        size = with_room(model.card.preprocessing, views).resize
        with clock.stage("decode"):
            pixels = await self._decoders.pixels(image, size)
        async with self._encoding.slot():
            with clock.stage("encode"):
                return await asyncio.to_thread(_encode, model, pixels, views)


def _encode(model: Model, pixels: NDArray[np.uint8], views: int) -> NDArray[np.uint8]:
    (code,) = pack(quantise(model.encoder.encode_views(pixels[None], views)))
    return np.asarray(code)


@dataclass
class Clock:
    """Takes the time of stages."""

    _started: float = field(default_factory=time.perf_counter)
    _spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Counts the block as this stage."""
        started = time.perf_counter()
        yield
        self._spent[name] = 1000 * (time.perf_counter() - started)

    def timings(self) -> schemas.Timings:
        """What was counted until now."""
        return schemas.Timings(**self._spent, total=1000 * (time.perf_counter() - self._started))
