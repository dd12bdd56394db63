"""The code and the commands of the pages on losses, heads and other parts of one's own run."""

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import DOCS, blocks
from tests.training.tiny_training import make_catalogue

SUBSETS = ("train-both", "train-attribute", "train-category", "test")


@pytest.fixture
def folder(tmp_path: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `products.csv` and its images."""
    monkeypatch.setenv("DUALHASH_CACHE", str(shared_cache))
    made = make_catalogue(tmp_path / "images")
    with (tmp_path / "products.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "category", "subset"])
        for name, category, subset in zip(
            made.references, made.categories, made.subsets, strict=True
        ):
            rows.writerow([f"images/{name}", f"c{category}", SUBSETS[subset]])
    return tmp_path


@pytest.mark.parametrize(
    ("page", "module"),
    [
        ("custom-loss.md", "my_losses.py"),
        ("custom-head.md", "my_heads.py"),
        ("extending.md", "my_parts.py"),
    ],
)
def test_code_and_commands_of_a_page_run(folder: Path, page: str, module: str):
    assert f"`{module}`" in (DOCS / page).read_text(encoding="utf-8")
    own, *code = blocks(page, "python")
    (folder / module).write_text(own)
    shortened = "\n".join(code).replace("bits=64)", "bits=64, iterations=2)")
    run(folder, "-c", shortened)
    command = blocks(page, "bash")[0].splitlines()[-1].removeprefix("dualhash ")
    program = "from dualhash.cli.app import main; main()"
    run(folder, "-P", "-c", program, *shlex.split(command), "--replace", "--iterations", "2")


def run(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert not done.returncode, f"{arguments}\n{done.stderr}"


def test_links_of_the_pages_exist():
    for page in ("custom-loss.md", "custom-head.md", "extending.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (DOCS / target).exists(), f"{page}: {target}"
