import json
import re
from pathlib import Path

import pytest
from PIL import Image

from dualhash.cli import app, output


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """20 pictures in 18 categories; the last but one is damaged and the last is not there."""
    output.console.cache_clear()
    monkeypatch.chdir(tmp_path)
    rows = ["image,kind,new,colour"]
    for i in range(20):
        Image.effect_noise((40, 30 if i else 20), 50).save(tmp_path / f"{i}.png")
        rows.append(f"{i}.png,kind [{i % 18}],{i % 2},{'red' if i % 3 else 'blue'}")
    damaged = tmp_path / "18.png"
    damaged.write_bytes(damaged.read_bytes()[:300])
    (tmp_path / "19.png").unlink()
    (tmp_path / "shop.csv").write_text("\n".join(rows))
    return tmp_path / "shop.csv"


OPTIONS = "--category-column kind --attribute-columns new --facet-columns colour --min-positives 8"


def show(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as left:
        app.main(["catalogue", "show", *arguments])
    captured = capsys.readouterr()
    assert left.value.code == 0, captured.err
    return captured.out


def test_prints_what_was_understood(table, capsys):
    said = show(capsys, "shop.csv", *OPTIONS.split())
    assert "shop.csv: 18 images, 18 categories, 2 attributes. From 40 × 20 to 40 × 30" in said
    assert re.search(r"kind \[0\] +1 ", said)
    assert re.search(r"new +9 +9 +0 ", said)
    assert re.search(r"colour=red +12 +6 +0 ", said)
    assert "… and 3 more (use --all or --json)" in said
    unbroken = " ".join(said.split())
    assert "values of fewer than 8 images (--min-positives), which become no" in unbroken
    assert "attributes (1): blue (7)" in unbroken
    assert "2 images left out" in said
    assert re.search(r"shop\.csv row 20 +the image 19\.png does not exist", said)
    assert re.search(r"shop\.csv row 19 +.*18\.png", said)
    assert "There is no subset column" in said


def test_all_cuts_nothing(table, capsys):
    said = show(capsys, "shop.csv", *OPTIONS.split(), "--all")
    assert "more (use" not in said
    assert all(f"kind [{i}]" in said for i in range(18))


def test_json_is_the_whole_summary_and_nothing_else(table, capsys):
    said = json.loads(show(capsys, "shop.csv", *OPTIONS.split(), "--json"))
    assert said["images"] == 18
    assert said["left_out"] == 2
    assert len(said["categories"]) == 18
    assert [attribute["name"] for attribute in said["attributes"]] == ["new", "colour=red"]
    left_out = [problem["where"] for problem in said["problems"] if problem["fatal"]]
    assert sorted(left_out) == ["shop.csv row 19", "shop.csv row 20"]


def test_unchecked_images_are_not_opened(table, capsys):
    said = json.loads(show(capsys, "shop.csv", *OPTIONS.split(), "--json", "--no-check-images"))
    assert said["images"] == 19
    assert said["smallest"] is said["largest"] is None


def test_nothing_wrong_is_said(table, capsys):
    rows = [f"{i}.png,{i % 2},train-both" for i in range(1, 5)]
    table.write_text("\n".join(["image,category,subset", *rows]))
    said = show(capsys, "shop.csv")
    assert "shop.csv: 4 images, 2 categories, 0 attributes. All are 40 × 30" in said
    assert "No problems found." in said


def test_what_train_refuses_is_said(table, capsys):
    (table.parent / "flat").mkdir()
    for i in range(3):
        (table.parent / f"{i}.png").rename(table.parent / "flat" / f"{i}.png")
    said = " ".join(show(capsys, "flat").split())
    assert "No problems found." not in said
    assert "cannot be trained on: flat has no images to train on: none is in train-both" in said
    with pytest.raises(SystemExit):
        app.main(["train", "flat", "--out", "model"])
    assert "flat has no images to train on: none is in train-both" in capsys.readouterr().err
    rows = "\n".join(f"{i}.png,a,train-both" for i in range(3, 9))
    table.write_text(f"image,category,subset\n{rows}\n")
    said = " ".join(show(capsys, "shop.csv").split())
    assert "All training images have the category 'a': at least two categories" in said


def test_what_concerns_all_comes_before_single_rows(table, capsys):
    rows = [f"{i}.png,{'maybe' if i < 17 else 1},test" for i in range(18)]
    table.write_text("\n".join(["image,new,subset", *rows]))
    said = show(capsys, "shop.csv", "--attribute-columns", "new")
    assert said.index("attribute 'new' is never absent") < said.index("row 1 ")
    assert "… and 4 more" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.csv"], "none.csv does not exist"),
        (["shop.csv", "--facet-columns", "color"], "Did you mean 'colour'?"),
        (["shop.csv", "--min-positives", "0"], 'Invalid value "0" for --min-positives'),
    ],
)
def test_a_mistake_is_one_sentence(table, capsys, arguments, sentence):
    with pytest.raises(SystemExit) as left:
        app.main(["catalogue", "show", *arguments])
    captured = capsys.readouterr()
    assert left.value.code == app.USER_ERROR
    assert sentence in captured.err
    assert "Traceback" not in captured.err
    assert not captured.out
