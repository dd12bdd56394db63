"""Takes the README's screenshots of the page: `python tools/screenshots.py build/emoji.dhx`.

It serves the index while it runs. Needs Debian's Chromium (`make browser`) and the extra `dev`.
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

SIZE = {"width": 1280, "height": 860}
QUANTISE_ROUNDS = 10
"""Rounds of k-means that choose the 256 colours of a file."""

TIMEOUT_MS = 60_000


@dataclass(frozen=True)
class Screenshot:
    """A screenshot to take.

    Attributes:
        name: File name without suffix.
        scheme: Colour scheme, light or dark.
        view: Part of the page's address after #.
        hovered: Rank of the result under the mouse pointer; 0 for none.
    """

    name: str
    scheme: Literal["light", "dark"]
    view: str
    hovered: int = 0


SCREENSHOTS = (
    Screenshot("page-light", "light", "id=1107&task=combined&want=skin%3Ddark"),
    Screenshot(
        "page-dark", "dark", "id=1107&task=attribute&want=skin%3Dmedium&without=uses%3Dblue", 3
    ),
)


@contextmanager
def serving(index: Path) -> Iterator[str]:
    """Serves an index and yields the server's address."""
    code = "from dualhash.cli.app import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "serve", str(index), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        if address is None:
            sys.exit(f"{index} cannot be served.")
        yield address[0]
    finally:
        server.terminate()
        server.wait()


def take(browser: Browser, address: str, screenshot: Screenshot) -> bytes:
    """Returns the screenshot as a PNG."""
    context = browser.new_context(viewport=SIZE, color_scheme=screenshot.scheme)
    context.set_default_timeout(TIMEOUT_MS)
    expect.set_options(timeout=TIMEOUT_MS)
    page = context.new_page()
    for _ in range(2):  # the first search of a kind is slower, and the page shows the time
        page.goto("about:blank")
        page.goto(f"{address}/#{screenshot.view}")
        expect(page.locator("#grid > .card:not(.skeleton)").first).to_be_visible()
        page.wait_for_load_state("networkidle")
    if screenshot.hovered:
        page.locator("#grid > .card .frame").nth(screenshot.hovered - 1).hover()
        expect(page.locator("#strip-text")).to_contain_text(f"Result {screenshot.hovered} ")
    png = page.screenshot()
    context.close()
    return png


def main() -> None:
    """Takes all screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path, help="an index of the built-in catalogue, openmoji")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="a folder")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        parser.error("Chromium is not installed (Debian: apt install chromium)")
    with serving(arguments.index) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for screenshot in SCREENSHOTS:
            image = Image.open(io.BytesIO(take(browser, address, screenshot))).convert("RGB")
            path = arguments.out / f"{screenshot.name}.png"
            palette = image.quantize(256, kmeans=QUANTISE_ROUNDS, dither=Image.Dither.NONE)
            palette.save(path, optimize=True)
            print(f"{path}: {path.stat().st_size:,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
