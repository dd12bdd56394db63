"""A real browser and a real server for the tests of the page."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dualhash.codes import Model
from dualhash.search import Index, ItemLabels
from dualhash.serve.app import create_app
from dualhash.serve.settings import Settings
from tests.builders import colour_image, colour_model

CATEGORIES = ("circle", "square", "triangle")
ATTRIBUTES = (
    *(f"colour={name}" for name in ("red", "green", "blue", "grey", "black", "white")),
    *(f"size={name}" for name in ("small", "medium", "large")),
    *("shiny", "round", "striped", "old", "new"),
)
BITS = 64
COUNT = 60
PORTRAIT, PORTRAIT_SIZE = 5, (256, 171)
"""Id of the item with a portrait photo, and its (height, width); the others are landscapes."""

TIMEOUT = 60.0
"""Seconds to wait for an event on a busy machine."""


def make_model(folder: Path, attributes: tuple[str, ...] = ATTRIBUTES) -> Model:
    return colour_model(folder, BITS, category_names=CATEGORIES, attribute_names=attributes)


def write_index(folder: Path, model: Model, count: int = COUNT) -> Path:
    """Writes an index of images in random colours; two thirds of them have a category label."""
    folder.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(0).integers(0, 256, (count, 3)).tolist()
    paths = [
        colour_image(
            folder / "images" / f"{number}.png",
            tuple(colour),
            PORTRAIT_SIZE if number == PORTRAIT else (72, 96),
        )
        for number, colour in enumerate(colours)
    ]
    with Index.unfinished(folder / "shapes.dhx", model, replace=True) as index:
        if count:
            index.add(
                model.encode(paths).codes,
                paths,
                [make_payload(number) for number in range(count)],
                [make_labels(number, model.attribute_head.names) for number in range(count)],
            )
    return folder / "shapes.dhx"


def make_payload(number: int) -> dict[str, object]:
    """Every third item has a name and a price, every third only a file name; all have a season."""
    payloads: tuple[dict[str, object], ...] = (
        {"productDisplayName": f"Thing {number}", "price": 3},
        {"fileName": "a.png"},
        {},
    )
    return payloads[number % 3] | {"season": "summer" if number % 2 else "winter"}


def make_labels(number: int, attributes: tuple[str, ...]) -> ItemLabels:
    """Two thirds of the items have a category label, half of them attribute labels."""
    labels = {"colour=red": number % 4 == 0, "round": True} if number % 2 == 0 else {}
    return ItemLabels(
        CATEGORIES[number % 3] if number % 3 else None,
        {name: present for name, present in labels.items() if name in attributes},
    )


@dataclass
class RunningServer:
    """A server in its own thread."""

    address: str
    server: uvicorn.Server
    thread: threading.Thread

    def wait_for(self, condition: Callable[[dict[str, Any]], object]) -> None:
        """Waits until the server's statistics meet a condition."""
        end = time.monotonic() + TIMEOUT
        while True:
            with urlopen(f"{self.address}api/v1/stats", timeout=TIMEOUT) as response:
                if condition(json.load(response)):
                    return
            assert time.monotonic() < end, "the condition was not met in time"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()


@contextmanager
def serving(path: Path, port: int = 0, **settings: object) -> Iterator[RunningServer]:
    """Serves an index; port 0 takes a free one."""
    app = create_app(path, settings=Settings(rate=0, decoder_processes=1, **settings))
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    running = RunningServer(f"http://localhost:{listening.getsockname()[1]}/", server, thread)
    try:
        with urlopen(f"{running.address}healthz", timeout=TIMEOUT):
            yield running
    finally:
        running.stop()


@pytest.fixture(scope="package", autouse=True)
def fast_polling() -> Iterator[None]:
    """Servers notice within 50 ms that their index was replaced."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("dualhash.serve.backend.index_watcher.POLL_SECONDS", 0.05)
        yield


@pytest.fixture(scope="package")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_model(tmp_path_factory.mktemp("page") / "model")


@pytest.fixture(scope="package")
def shapes(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Path:
    """An index that no test changes."""
    return write_index(tmp_path_factory.mktemp("page"), model)


@pytest.fixture(scope="package")
def address(shapes: Path) -> Iterator[str]:
    """Address of a server of `shapes`."""
    with serving(shapes) as running:
        yield running.address


@pytest.fixture(scope="package")
def empty_address(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[str]:
    """Address of a server of an empty index."""
    with serving(write_index(tmp_path_factory.mktemp("empty"), model, count=0)) as running:
        yield running.address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after each file: while it is open, no other event loop can run in this thread."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; the test fails if its scripts raise an error."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, accept_downloads=True, reduced_motion="reduce"
    )
    context.set_default_timeout(1000 * TIMEOUT)
    expect.set_options(timeout=1000 * TIMEOUT)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """An image file to upload."""
    return colour_image(tmp_path / "mine.png", (200, 40, 30), (120, 90))
