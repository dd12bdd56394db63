"""The commands and the Python of the pages in docs/ are what the program understands.

Those of scale.md are run by `cli/test_push.py`, those of the README by `test_readme.py`.
"""

import doctest
import json
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from dualhash.cli.app import app, main
from tests import vector_table
from tests.builders import colour_image, colour_model
from tests.serve.conftest import write_index
from tests.serve.server_process import serving

DOCS = Path(__file__).parents[1] / "docs"
HOST = "localhost:8000"
ADDRESS = f"http://{HOST}"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))


def blocks(page: str, *languages: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(page: str) -> list[list[str]]:
    """The words of every line that calls dualhash."""
    lines = [line for block in blocks(page, "bash", "console") for line in block.splitlines()]
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    return [each[1:] for each in words if each[:1] == ["dualhash"]]


EVERY = [
    pytest.param(words, id=f"{page} {' '.join(words)}")
    for page in PAGES
    for words in commands(page)
]


PACKAGE = DOCS.parent / "src" / "dualhash"
WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if "    >>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_the_examples_of_docstrings_give_what_they_say(module: str):
    done = doctest.testmod(import_module(module))
    assert done.attempted
    assert not done.failed


@pytest.mark.parametrize("words", EVERY)
def test_every_command_can_be_parsed(words: list[str]):
    app.parse_args(words, print_error=False, exit_on_error=False)


def test_catalogue_page_table_is_read(tmp_path: Path, monkeypatch, capsys):
    (table,) = blocks("catalogue.md", "csv")
    (tmp_path / "products.csv").write_text(table)
    for number in range(1, 6):
        colour_image(tmp_path / "images" / f"{number}.jpg", (number, 0, 0))
    monkeypatch.chdir(tmp_path)
    (words,) = commands("catalogue.md")
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 0
    assert "5 images, 2 categories" in capsys.readouterr().out


@pytest.mark.training
def test_the_page_on_custom_embeddings_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DUALHASH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    vector_table.write_parquet(tmp_path / "products.parquet")
    vector_table.write_parquet(tmp_path / "new.parquet")
    vector_table.write_csv(tmp_path / "products.csv")
    np.save(tmp_path / "query.npy", vector_table.vectors()[0])
    short = ["--iterations", "2", "--validation-every", "2"]
    for words in commands("custom-embeddings.md"):
        with pytest.raises(SystemExit) as stopped:
            main(words + short * (words[0] == "train"))
        assert stopped.value.code == 0, words
    (code,) = blocks("custom-embeddings.md", "python")
    assert "(60, 8)" in run(code.replace("bits=64)", "bits=64, iterations=2)"), tmp_path)


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_analysis_page_python_runs(tmp_path: Path):
    colour_model(tmp_path / "model", bits=24)
    (code,) = blocks("analysis.md", "python")
    assert "BitFunctionality" in run(code + "print(BitFunctionality)", tmp_path)


def test_training_page_python_runs(tmp_path: Path):
    (code,) = blocks("training.md", "python")
    assert run(code, tmp_path) == "efficientnet-lite0 softmax\n"


def test_indexes_page_python_runs(colours: Path):
    for name in ("new.jpg", "other.jpg"):
        colour_image(colours.parent / name, (9, 9, 200))
    colours.rename(colours.with_name("products.dhx"))
    code = "".join(blocks("indexes.md", "python"))
    assert "2 added" in run(code, colours.parent)


def test_python_page_runs(colours: Path):
    for number in range(1, 4):
        colour_image(colours.parent / "images" / f"{number}.jpg", (number, 0, 0))
    colours.rename(colours.with_name("products.dhx"))
    code = "".join(blocks("python.md", "python"))
    check = "print(len(results) == results.matched, len(catalogue), catalogue.names == same.names)"
    out = run(f"{code}\n{check}", colours.parent)
    assert out.splitlines()[-1] == "True 3 True"
    assert "product " in out
    assert "probability.colour=red" in out


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """An index for the service, with a photo beside it."""
    colour_image(tmp_path / "photo.jpg", (200, 30, 30))
    model = colour_model(tmp_path / "model", attribute_names=("colour=red", "new", "old"))
    return write_index(tmp_path, model, count=20)


def test_service_page_python_runs(colours: Path):
    (code,) = blocks("service.md", "python")
    with serving(colours) as live:
        assert run(code.replace(ADDRESS, live.address), colours.parent)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_service_page_requests_are_answered(colours: Path):
    lines = "\n".join(blocks("service.md", "bash")).splitlines()
    requests = [line for line in lines if line.startswith(f"curl {HOST}")]
    assert len(requests) == 2
    with serving(colours) as live:
        for line in requests:
            words = shlex.split(line.replace(HOST, live.address))
            done = subprocess.run(
                [*words, "--silent", "--show-error"],
                cwd=colours.parent,
                capture_output=True,
                check=True,
            )
            assert json.loads(done.stdout)["hits"], line
