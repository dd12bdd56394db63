"""A real browser on a real server."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dualhash.search import Index, ItemLabels
from dualhash.serve.app import create_app
from dualhash.serve.settings import Settings
from tests.builders import colour_image, colour_model

SCREENS = Path(__file__).parents[3] / "build" / "screens"

CATEGORIES = ("circle", "square", "triangle")
ATTRIBUTES = (
    *(f"colour={name}" for name in ("red", "green", "blue", "grey", "black", "white")),
    *(f"size={name}" for name in ("small", "medium", "large")),
    *("shiny", "round", "striped", "old", "new"),
)
BITS = 64
COUNT = 60

PATIENCE = 60.0
"""Seconds to wait for whatever must come, on a machine that has other things to do."""


def write_index(folder: Path, count: int = COUNT, attributes: tuple[str, ...] = ATTRIBUTES) -> Path:
    """Items of random colours; two thirds have a category, half may have attributes."""
    folder.mkdir(parents=True, exist_ok=True)
    model = colour_model(
        folder / f"model-of-{len(attributes)}",
        BITS,
        category_names=CATEGORIES,
        attribute_names=attributes,
    )
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (count, 3)).tolist()
    paths = [
        colour_image(folder / "images" / f"{row}.png", tuple(colour), (96, 72))
        for row, colour in enumerate(colours)
    ]
    with Index.unfinished(folder / "shapes.dhx", model, replace=True) as index:
        if count:
            labels = [_labels(number, attributes) for number in range(count)]
            payloads = [_payload(number) for number in range(count)]
            index.add(model.encode(paths).codes, paths, payloads, labels)
    return folder / "shapes.dhx"


def _payload(number: int) -> dict[str, object]:
    """Of every third item a name, of every third a file's name only."""
    payloads = {"productDisplayName": f"Thing {number}", "price": 3}, {"fileName": "a.png"}, {}
    return payloads[number % 3]


def _labels(number: int, attributes: tuple[str, ...]) -> ItemLabels:
    said = {"colour=red": number % 4 == 0, "round": True} if number % 2 == 0 else {}
    return ItemLabels(
        CATEGORIES[number % 3] if number % 3 else None,
        {name: present for name, present in said.items() if name in attributes},
    )


@dataclass
class Served:
    """A server in a thread of its own."""

    address: str
    server: uvicorn.Server
    thread: threading.Thread

    def until(self, holds: Callable[[dict[str, Any]], object]) -> None:
        """Waits for what the server says of its index."""
        end = time.monotonic() + PATIENCE
        while True:
            with urlopen(f"{self.address}api/v1/stats", timeout=PATIENCE) as answered:
                if holds(json.load(answered)):
                    return
            assert time.monotonic() < end, "it does not come"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()


def serve(path: Path, port: int = 0, **settings: object) -> Served:
    """Serves an index; port 0 takes a free one."""
    app = create_app(path, settings=Settings(rate=0, **settings))
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1, timeout_keep_alive=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    address = f"http://localhost:{listening.getsockname()[1]}/"
    with urlopen(f"{address}healthz", timeout=PATIENCE):
        return Served(address, server, thread)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_index(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="session")
def address(shapes: Path) -> Iterator[str]:
    served = serve(shapes)
    yield served.address
    served.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after the last test of a module, for while it is open no other event loop can run."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong unnoticed."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(1000 * PATIENCE)
    expect.set_options(timeout=1000 * PATIENCE)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert not errors


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return colour_image(tmp_path / "mine.png", (200, 40, 30), (120, 90))
