"""Processes that die, that cannot be started, and that others do not wait for."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dualhash.serve.http.errors import Problem
from dualhash.serve.settings import Settings
from dualhash.serve.uploads.decoder_pool import Decoders
from tests.serve.hostile import image

SIZE = (4, 4)


def tell(story: Callable[[Decoders], Awaitable[None]]) -> None:
    """With one process for uploads, which has been started."""

    async def told() -> None:
        decoders = Decoders(Settings(decoders=1))
        await decoders.start()
        try:
            await story(decoders)
        finally:
            await decoders.stop()

    asyncio.run(told())


@pytest.mark.parametrize("noticed", [True, False])
def test_a_process_that_died_is_no_fault_of_the_next_image(noticed: bool):
    async def story(decoders: Decoders) -> None:
        expected = await decoders.pixels(image("PNG"), SIZE)
        for _ in range(2):
            (process,) = decoders._uploads._idle
            process.kill()
            if noticed:
                await process.wait()
            np.testing.assert_array_equal(await decoders.pixels(image("PNG"), SIZE), expected)

    tell(story)


def test_an_image_of_which_two_processes_die_costs_too_much(monkeypatch: pytest.MonkeyPatch):
    usual, dying = asyncio.create_subprocess_exec, "import sys; sys.stdin.readline()"
    started = []

    async def start(*_: str, **options: object) -> object:
        started.append(await usual(sys.executable, "-c", dying, **options))
        return started[-1]

    async def story(decoders: Decoders) -> None:
        decoders._uploads._idle.pop().kill()
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        with pytest.raises(Problem) as refused:
            await decoders.pixels(image("PNG"), SIZE)
        assert refused.value.kind == "image-too-costly"
        assert len(started) == 2
        assert not decoders._uploads._idle
        monkeypatch.undo()
        assert (await decoders.pixels(image("PNG"), SIZE)).shape == (*SIZE, 3)

    tell(story)


def test_a_process_that_cannot_be_started_is_no_fault_of_the_image(
    monkeypatch: pytest.MonkeyPatch,
):
    async def start(*_: str, **__: object) -> None:
        raise BlockingIOError("too many processes")

    async def story(decoders: Decoders) -> None:
        decoders._uploads._idle.pop().kill()
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        with pytest.raises(Problem) as refused:
            await decoders.pixels(image("PNG"), SIZE)
        assert refused.value.kind == "busy"

    tell(story)


def test_thumbnails_do_not_wait_for_uploads(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(image("PNG"))

    async def story(decoders: Decoders) -> None:
        async with decoders.lane.slot():
            made = await decoders.thumbnail(str(tmp_path / "a.png"), 128)
        assert Image.open(io.BytesIO(made)).format == "WEBP"

    tell(story)
