"""Decoder processes that die or cannot be started, and their limits."""

import ast
import asyncio
import contextlib
import io
import subprocess
import sys
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from dualhash.serve.http.errors import ProblemError
from dualhash.serve.settings import Settings
from dualhash.serve.uploads.decoder_pool import DecoderPool
from tests.serve.hostile_uploads import FORMATS, image

SIZE = (4, 4)


def run_with_pool(scenario: Callable[[DecoderPool], Awaitable[None]]) -> None:
    """Runs a coroutine function with a pool of one started process."""

    async def run() -> None:
        pool = DecoderPool(Settings(), 1)
        await pool.start()
        try:
            await scenario(pool)
        finally:
            await pool.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("module", "kind", "name"), [("PIL._avif", "AVIF", "AVIF"), ("pillow_heif", "HEIF", "HEIC")]
)
def test_a_format_that_the_server_cannot_read_is_named(module: str, kind: str, name: str):
    """In another process, because Pillow's plugins cannot be unloaded."""
    brand = {"AVIF": "avif", "HEIF": "heic"}[kind]
    code = f"""
import sys
sys.modules[{module!r}] = None
from dualhash.serve.uploads.decoder_worker import run_job
print(run_job({{"kind": "query", "size": (4, 4)}}, b"\\0\\0\\0\\x1cftyp{brand}" + bytes(64))[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    problem = ast.literal_eval(done.stdout)
    assert problem["problem"] == "not-an-image"
    assert problem["detail"].startswith(
        f"This server cannot read {name}. The upload is not a JPEG, PNG, WebP, GIF"
    )
    assert name not in problem["detail"].partition(". ")[2]


@pytest.mark.parametrize("noticed", [True, False])
def test_a_dead_process_is_replaced(noticed: bool):
    async def scenario(pool: DecoderPool) -> None:
        expected = await pool.pixels(image("PNG"), SIZE)
        for _ in range(2):
            (process,) = pool._idle
            process.kill()
            if noticed:
                await process.wait()
            np.testing.assert_array_equal(await pool.pixels(image("PNG"), SIZE), expected)

    run_with_pool(scenario)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_pixel_limit_holds_for_every_format(kind: str):
    async def scenario() -> None:
        pool = DecoderPool(Settings(max_pixels=1000), 1)
        try:
            assert (await pool.pixels(image(kind, (40, 25)), SIZE)).shape == (*SIZE, 3)
            with pytest.raises(ProblemError) as refused:
                await pool.pixels(image(kind, (41, 25)), SIZE)
            assert refused.value.kind == "too-many-pixels"
        finally:
            await pool.stop()

    asyncio.run(scenario())


def test_an_image_that_kills_two_processes_is_refused(monkeypatch: pytest.MonkeyPatch):
    usual, dying = asyncio.create_subprocess_exec, "import sys; sys.stdin.readline()"
    started = []

    async def start(*_: str, **options: object) -> object:
        started.append(await usual(sys.executable, "-c", dying, **options))
        return started[-1]

    async def scenario(pool: DecoderPool) -> None:
        process = pool._idle.pop()
        process.kill()
        await process.wait()
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        with pytest.raises(ProblemError) as refused:
            await pool.pixels(image("PNG"), SIZE)
        assert refused.value.kind == "image-too-costly"
        assert len(started) == 2
        assert not pool._idle
        monkeypatch.undo()
        assert (await pool.pixels(image("PNG"), SIZE)).shape == (*SIZE, 3)

    run_with_pool(scenario)


def test_a_process_that_cannot_start_means_busy(
    monkeypatch: pytest.MonkeyPatch,
):
    async def start(*_: str, **__: object) -> None:
        raise BlockingIOError("too many processes")

    async def scenario(pool: DecoderPool) -> None:
        process = pool._idle.pop()
        process.kill()
        await process.wait()
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        with pytest.raises(ProblemError) as refused:
            await pool.pixels(image("PNG"), SIZE)
        assert refused.value.kind == "busy"

    run_with_pool(scenario)


def test_thumbnails_do_not_wait_for_uploads(client: TestClient):
    """Uploads and thumbnails have pools of their own."""
    service = client.app.state.service

    async def thumbnail_while_uploads_wait() -> tuple[bytes, str]:
        async with contextlib.AsyncExitStack() as slots:
            for _ in range(Settings().decoder_processes):
                await slots.enter_async_context(service._upload_decoders.queue.slot())
            return await service.thumbnail(3, 128)

    thumbnail, _ = client.portal.call(thumbnail_while_uploads_wait)
    assert Image.open(io.BytesIO(thumbnail)).format == "WEBP"
