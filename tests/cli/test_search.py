import json
from pathlib import Path

import pytest
from tests.builders import colour_image, write_colour_model

from dualhash.cli import app as shell


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        shell.main([str(argument) for argument in arguments])
    return left.value.code


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a model, and class folders with images of which one is damaged."""
    write_colour_model(tmp_path / "model")
    for i in range(4):
        colour_image(tmp_path / "images" / "circle" / f"{i}.png", (60 * i, 9, 200))
        colour_image(tmp_path / "images" / "square" / f"{i}.png", (9, 200, 60 * i))
    (tmp_path / "images" / "square" / "3.png").write_bytes(b"damaged")
    return tmp_path


def create(shop: Path, *options: str) -> int:
    return run(
        "index", "create", shop / "model", shop / "images", "--out", shop / "i.dhx", *options
    )


def test_from_images_to_results(shop: Path, capsys: pytest.CaptureFixture[str]):
    assert create(shop) == 0
    said = capsys.readouterr()
    assert "7 images, 16 bits each, 14 bytes of codes" in said.out
    assert "3.png is not an image" in said.err

    query = shop / "images" / "circle" / "0.png"
    assert run("search", shop / "i.dhx", query, "-k", "3", "--sheet", shop / "found.png") == 0
    said = capsys.readouterr().out
    assert "Same kind: the first 3 of 7" in said
    assert "circle/0.png" in said
    assert (shop / "found.png").stat().st_size > 1000


def test_json_is_all_there_is_on_stdout(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    capsys.readouterr()
    options = ("--task", "combined", "--want", "red,blue", "--without", "green", "--json")
    assert run("search", shop / "i.dhx", "id:0", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["conditions"] == {"red": True, "green": False, "blue": True}
    assert found["matched"] == len(found["hits"])


def test_attributes_of_the_query_and_no_query_at_all(
    shop: Path, capsys: pytest.CaptureFixture[str]
):
    create(shop)
    options = ("--task", "attribute", "--attributes", "red, blue")
    assert run("search", shop / "i.dhx", "id:0", *options) == 0
    assert run("search", shop / "i.dhx", "--task", "attribute", "--without", "red") == 0
    assert "not red" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("id:0", "-k", "0"), "at least 1, not 0"),
        (("id:99",), "no item with the id 99"),
        (("nothing.png",), "nothing.png does not exist"),
        ((), "category needs a query"),
        (("id:0", "--task", "combined", "--want", "rde"), "Did you mean 'red'"),
        (("id:0", "--sheet", "found.doc"), "name a .png file"),
    ],
)
def test_errors_are_one_sentence(
    shop: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
):
    create(shop)
    capsys.readouterr()
    assert run("search", shop / "i.dhx", *arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_an_index_is_replaced_when_told(shop: Path, capsys: pytest.CaptureFixture[str]):
    create(shop)
    assert create(shop) == 2
    assert "--replace" in capsys.readouterr().err
    assert create(shop, "--replace") == 0
