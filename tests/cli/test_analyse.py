import json
from pathlib import Path

import numpy as np
import pytest

from dualhash.analysis.bit_functionality import bit_functionality
from dualhash.cli import app
from dualhash.codes import Model
from tests.builders import write_colour_model, write_shapes

pytest.importorskip("matplotlib", reason="drawing needs the extra `analysis`")

SHAPES = ("circle", "square", "triangle")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model and a table of plain images; the first is trained on, number 3 damaged."""
    write_shapes(tmp_path, images=20, trained=1, damaged=3)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        app.main(["analyse", "model", "shapes.csv", *arguments])
    return left.value.code


def test_json_numbers_match_a_direct_analysis(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run("--out", "report", "--json") == 0
    output, noted = capsys.readouterr()
    found = json.loads(output)
    assert found == json.loads((folder / "report" / "analysis.json").read_text())
    assert "3.png is not an image" in noted
    model = Model.open("model", threads=1)
    rows = [line.split(",") for line in (folder / "shapes.csv").read_text().splitlines()[1:]]
    kept = [row for i, row in enumerate(rows) if i not in (0, 3)]
    expected = bit_functionality(
        model.encode([row[0] for row in kept]).reals > 0.5,
        np.array([SHAPES.index(row[1]) for row in kept]),
        np.array([row[2:5] for row in kept]).astype(np.int8),
        np.ones((18, 3), bool),
        model.attribute_head,
    )
    assert found["functionality"] == expected.model_dump(mode="json")


def test_prints_correlations_and_the_path_of_the_summary(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("--out", "report") == 0
    output = capsys.readouterr().out
    assert "18 test images, 16 bits, 3 attributes" in output
    assert "Summary: report/summary.md" in output
    assert (folder / "report" / "bits.png").is_file()


def test_reports_a_model_without_attributes(folder: Path, capsys: pytest.CaptureFixture[str]):
    write_colour_model(
        folder / "ssdh", attribute_names=(), columns=Model.open("model").card.columns
    )
    with pytest.raises(SystemExit):
        app.main(["analyse", "ssdh", "shapes.csv", "--out", "report"])
    output = capsys.readouterr().out
    assert "18 test images, 16 bits. The model has no attributes" in output
    assert "Also written: analysis.json, bits.csv." in output


def test_a_table_without_test_images_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    table = folder / "shapes.csv"
    table.write_text(table.read_text().replace(",test", ",train-both"))
    assert run("--out", "report") == 2
    assert "no images in the subset 'test'" in capsys.readouterr().err
    assert not (folder / "report").exists()


def test_a_single_category_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    table = folder / "shapes.csv"
    table.write_text(table.read_text().replace("square", "circle").replace("triangle", "circle"))
    assert run("--out", "report") == 2
    assert "here are 18 images of 1" in capsys.readouterr().err
