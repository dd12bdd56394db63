"""`dualhash index push`, and the commands of docs/scale.md run as they stand."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from dualhash.cli import app as shell
from dualhash.search import Index
from tests.builders import colour_model

pytest.importorskip("milvus_lite", reason="Milvus Lite is not installed")

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        shell.main(list(arguments))
    return left.value.code


def blocks(language: str) -> str:
    return "".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


@pytest.fixture
def products(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The index of the page, in the folder of the commands."""
    monkeypatch.chdir(tmp_path)
    model = colour_model(
        tmp_path / "model", attribute_names=("colour=red", "colour=green", "colour=blue")
    )
    with Index.create(tmp_path / "products.dhx", model) as index:
        index.add(np.arange(12, dtype=np.uint8).reshape(6, 2), [f"{i}.png" for i in range(6)])
    return tmp_path / "products.dhx"


def test_commands_of_the_documentation_run(products: Path, capsys: pytest.CaptureFixture[str]):
    lines = blocks("console").splitlines()
    for line, shown in zip(lines, [*lines[1:], "$"], strict=True):
        if line.startswith("$ "):
            assert run(*shlex.split(line.removeprefix("$ dualhash "))) == 0
            output = capsys.readouterr().out
            assert output.strip()
            assert shown.startswith("$") or output.strip() == shown
    exec(blocks("python"), {})
    assert capsys.readouterr().out.startswith("6 ")


def test_push_and_search_print_json(products: Path, capsys: pytest.CaptureFixture[str]):
    assert run("index", "push", str(products), "--to", "shop.db", "--json") == 0
    pushed = json.loads(capsys.readouterr().out)
    assert pushed == {
        "address": "milvus:shop.db/products",
        "added": 6,
        "updated": 0,
        "deleted": 0,
        "unchanged": 0,
        "recall": None,
    }
    found = []
    for index in (str(products), pushed["address"]):
        assert run("search", index, "id:1", "-k", "3", "--json") == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    assert len(found[0]["hits"]) == 3


def test_an_address_that_is_no_server_is_refused(
    products: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("index", "push", str(products), "--to", "somewhere") == 2
    assert "is not the address of a Milvus server" in capsys.readouterr().err
