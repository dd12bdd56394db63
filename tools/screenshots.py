"""Takes the README's pictures of the page: `python tools/screenshots.py build/emoji.dhx`.

It serves the index while it does. It needs Debian's Chromium (`make browser`) and the extra `dev`.
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

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

SIZE = {"width": 1280, "height": 860}
ROUNDS = 10
"""By which the 256 colours of a file come closer to those of the page."""

PATIENCE = 60_000
"""Milliseconds."""


@dataclass(frozen=True)
class Shot:
    """A picture.

    Attributes:
        name: Of its file.
        scheme: Light or dark.
        view: What the page shows: the part of its address after #.
        pointed: Number of the result that is pointed at; 0 for none.
    """

    name: str
    scheme: str
    view: str
    pointed: int = 0


SHOTS = (
    Shot("page-light", "light", "id=13&task=combined&want=uses%3Dred"),
    Shot("page-dark", "dark", "id=1107&task=attribute&want=skin%3Dmedium&without=uses%3Dblue", 3),
)


@contextmanager
def served(index: Path) -> Iterator[str]:
    """Serves an index; yields the address."""
    code = "from dualhash.cli.app import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", code, "serve", str(index), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        found = re.search(r"http://\S+", server.stdout.readline())
        if found is None:
            sys.exit(f"{index} cannot be served.")
        yield found[0]
    finally:
        server.terminate()
        server.wait()


def take(browser: Browser, address: str, shot: Shot) -> bytes:
    """The picture as a PNG."""
    context = browser.new_context(viewport=SIZE, color_scheme=shot.scheme)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    page = context.new_page()
    for _ in range(2):  # the first search of a kind takes longer than those to come
        page.goto("about:blank")
        page.goto(f"{address}/#{shot.view}")
        expect(page.locator("#grid > .card:not(.skeleton)").first).to_be_visible()
        page.wait_for_load_state("networkidle")
    if shot.pointed:
        page.locator("#grid > .card").nth(shot.pointed - 1).hover()
        expect(page.locator("#strip-text")).to_contain_text(f"Number {shot.pointed} ")
    picture = page.screenshot()
    context.close()
    return picture


def main() -> None:
    """Takes all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path, help="an index of the built-in catalogue, openmoji")
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="a folder")
    chosen = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        parser.error("Chromium is not installed (Debian: apt install chromium)")
    with served(chosen.index) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for shot in SHOTS:
            picture = Image.open(io.BytesIO(take(browser, address, shot))).convert("RGB")
            path = chosen.out / f"{shot.name}.png"
            picture.quantize(256, kmeans=ROUNDS, dither=Image.Dither.NONE).save(path, optimize=True)
            print(f"{path}: {path.stat().st_size:,} bytes")
        browser.close()


if __name__ == "__main__":
    main()
