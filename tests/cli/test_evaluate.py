import json
from pathlib import Path

import pytest
from PIL import Image

from dualhash.cli import app
from tests.builders import write_shapes


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model and a table of plain images, most of them test, with a damaged one among them."""
    write_shapes(tmp_path, images=30, trained=4, damaged=4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        app.main(["evaluate", "model", "shapes.csv", *arguments])
    return left.value.code


def test_columns_are_taken_from_the_model(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run("--out", "reports/shapes.json", "--bootstrap", "20") == 0
    output, noted = capsys.readouterr()
    assert "Protocol ijcv2020, binary codes, 25 images" in output
    assert "Only 25 test images: with others" in output
    assert noted.startswith("Left out: 1\n")
    assert "4.png is not an image" in noted
    report = json.loads((folder / "reports" / "shapes.json").read_text())
    assert (report["counts"]["images"], report["counts"]["images_failed"]) == (25, 1)
    figure = report["figures"]["category_map"]
    assert 0 < figure["low"] <= figure["value"] <= figure["high"] <= 1
    assert f"{figure['value']:.3f}" in output


def test_json_is_all_that_is_printed_and_what_the_file_holds(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("--json", "--out", "report.json", "--bootstrap", "0") == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["counts"]["images"] == 25
    assert printed == (folder / "report.json").read_text()


def test_options_reach_the_evaluation(folder: Path, capsys: pytest.CaptureFixture[str]):
    options = ("--protocol", "cvpr2017", "--codes", "real", "--bootstrap", "0")
    assert run(*options, "--out", "report.json") == 0
    report = json.loads((folder / "report.json").read_text())
    assert (report["protocol"], report["codes"]) == ("cvpr2017", "real")
    assert report["figures"]["category_map"]["low"] is None
    assert "Protocol cvpr2017, real codes" in capsys.readouterr().out


def test_labels_unknown_to_the_model_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]):
    text = (folder / "shapes.csv").read_text().replace("circle", "hat")
    (folder / "shapes.csv").write_text(text.replace("blue", "woollen"))
    assert run("--attribute-columns", "red,woollen", "--bootstrap", "0") == 0
    message = capsys.readouterr().err
    assert "the model was not trained on 1 of 3 categories: 'hat'" in message
    assert "not trained on 1 of 2 attribute columns: 'woollen'; their labels" in message


def test_the_same_seed_gives_the_same_report(folder: Path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        run("--bootstrap", "20", "--seed", seed, "--out", name)
    assert (folder / "a").read_text() == (folder / "b").read_text() != (folder / "c").read_text()


def test_given_columns_override_those_of_the_model(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("--image-column", "picture") == 2
    assert "no column 'picture' (--image-column)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--protocol", "ijcv2002"), "Did you mean 'ijcv2020'"),
        (("--codes", "reel"), "real"),
        (("--bootstrap", "-1"), "--bootstrap"),
    ],
)
def test_a_wrong_option_is_named(
    options: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
):
    assert run(*options) == 2
    assert message in capsys.readouterr().err


def test_a_table_without_test_images_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    table = folder / "shapes.csv"
    table.write_text(table.read_text().replace(",test", ",train-both"))
    assert run() == 2
    assert "no images in the subset 'test'" in capsys.readouterr().err


def test_a_folder_that_is_no_model_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "model" / "model.json").unlink()
    assert run() == 2
    assert "model is not a model folder" in capsys.readouterr().err


def test_the_report_has_calibration_errors(folder: Path):
    assert run("--out", "report.json", "--bootstrap", "0") == 0
    report = json.loads((folder / "report.json").read_text())
    assert 0 <= report["figures"]["attribute_ece"]["value"] <= 1
    assert list(report["reliability"]["attributes"]) == ["red", "green", "blue"]
    assert len(report["reliability"]["all_attributes"]["share"]) == 15


def test_reliability_diagrams_are_drawn(folder: Path, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("matplotlib", reason="drawing needs the extra `analysis`")
    assert run("--diagram", "reliability.png", "--bootstrap", "0") == 0
    with Image.open(folder / "reliability.png") as picture:
        assert picture.format == "PNG"
    assert "calibration error of attributes" in capsys.readouterr().out


def test_codes_from_a_file_have_no_diagrams(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "codes.npz").write_bytes(b"")
    with pytest.raises(SystemExit) as left:
        app.main(["evaluate", "codes.npz", "shapes.csv", "--diagram", "reliability.png"])
    assert left.value.code == 2
    assert "--diagram" in capsys.readouterr().err
