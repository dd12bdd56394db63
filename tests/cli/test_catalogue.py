import json
import re
from pathlib import Path

import pytest
from PIL import Image

from dualhash import progress
from dualhash.cli import app


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """20 pictures in 18 categories; the last but one is damaged and the last is not there."""
    progress.console.cache_clear()
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


def test_prints_labels_and_problems(table, capsys):
    printed = show(capsys, "shop.csv", *OPTIONS.split())
    assert "shop.csv: 18 images, 18 categories, 2 attributes. From 40 × 20 to 40 × 30" in printed
    assert re.search(r"kind \[0\] +1 ", printed)
    assert re.search(r"new +9 +9 +0 ", printed)
    assert re.search(r"colour=red +12 +6 +0 ", printed)
    assert "… and 3 more (use --all or --json)" in printed
    unbroken = " ".join(printed.split())
    assert "values that fewer than 8 images have (--min-positives); they do not become" in unbroken
    assert "attributes (1): blue (7)" in unbroken
    assert "2 images left out" in printed
    assert re.search(r"shop\.csv row 20 +the image 19\.png does not exist", printed)
    assert re.search(r"shop\.csv row 19 +.*18\.png", printed)
    assert "There is no subset column" in printed


def test_all_prints_long_lists_in_full(table, capsys):
    printed = show(capsys, "shop.csv", *OPTIONS.split(), "--all")
    assert "more (use" not in printed
    assert all(f"kind [{i}]" in printed for i in range(18))


def test_stdout_holds_only_the_json_summary(table, capsys):
    printed = json.loads(show(capsys, "shop.csv", *OPTIONS.split(), "--json"))
    assert printed["images"] == 18
    assert printed["left_out"] == 2
    assert len(printed["categories"]) == 18
    assert [attribute["name"] for attribute in printed["attributes"]] == ["new", "colour=red"]
    left_out = [problem["location"] for problem in printed["problems"] if problem["fatal"]]
    assert sorted(left_out) == ["shop.csv row 19", "shop.csv row 20"]


def test_images_are_not_opened_without_checks(table, capsys):
    printed = json.loads(show(capsys, "shop.csv", *OPTIONS.split(), "--json", "--no-check-images"))
    assert printed["images"] == 19
    assert printed["smallest"] is printed["largest"] is None


def test_a_catalogue_without_problems_says_so(table, capsys):
    rows = [f"{i}.png,{i % 2},train-both" for i in range(1, 5)]
    table.write_text("\n".join(["image,category,subset", *rows]))
    printed = show(capsys, "shop.csv")
    assert "shop.csv: 4 images, 2 categories, 0 attributes. All are 40 × 30" in printed
    assert "No problems found." in printed


def test_reports_what_train_refuses(table, capsys):
    (table.parent / "flat").mkdir()
    for i in range(3):
        (table.parent / f"{i}.png").rename(table.parent / "flat" / f"{i}.png")
    printed = " ".join(show(capsys, "flat").split())
    assert "No problems found." not in printed
    assert (
        "Training refuses this catalogue: flat has no images to train on: none is in train-both"
        in printed
    )
    with pytest.raises(SystemExit):
        app.main(["train", "flat", "--out", "model"])
    assert "flat has no images to train on: none is in train-both" in capsys.readouterr().err
    rows = "\n".join(f"{i}.png,a,train-both" for i in range(3, 9))
    table.write_text(f"image,category,subset\n{rows}\n")
    printed = " ".join(show(capsys, "shop.csv").split())
    assert "All training images have the category 'a', but at least two categories" in printed


def test_problems_of_the_catalogue_come_before_single_rows(table, capsys):
    rows = [f"{i}.png,{'maybe' if i < 17 else 1},test" for i in range(18)]
    table.write_text("\n".join(["image,new,subset", *rows]))
    printed = show(capsys, "shop.csv", "--attribute-columns", "new")
    assert printed.index("attribute 'new' is never absent") < printed.index("row 1 ")
    assert "… and 3 more" in printed


def test_a_facet_without_attribute_does_not_hide_the_report(table, capsys):
    options = OPTIONS.replace("--min-positives 8", "--min-positives 13").split()
    printed = show(capsys, "shop.csv", *options)
    assert "shop.csv: 18 images, 18 categories, 1 attribute." in printed
    assert "2 images left out" in printed
    *_, title, reason = printed.splitlines()
    assert title == "Training refuses this catalogue:"
    assert reason == (
        "  The facet 'colour' gives no attribute: no value has at least 13 images; most common: "
        "'red' (12), 'blue' (6). Lower --min-positives, or leave it out."
    )
    with pytest.raises(SystemExit) as left:
        app.main(["train", "shop.csv", *options, "--out", "model"])
    assert left.value.code == app.USER_ERROR
    assert reason.strip().partition(";")[0] in capsys.readouterr().err


def test_wrong_paths_are_reported_before_the_facet(table, capsys):
    rows = [f"{i if i < 12 else 'wrong/' + str(i)}.png,red" for i in range(512)]
    table.write_text("\n".join(["image,colour", *rows]))
    options = ["--facet-columns", "colour", "--min-positives", "50"]
    printed = show(capsys, "shop.csv", *options).splitlines()
    first, second, _ = printed[printed.index("Training refuses this catalogue:") + 1 :]
    assert first == (
        "  500 of 512 images were left out, such as shop.csv row 13: the image wrong/12.png does "
        "not exist."
    )
    assert second.startswith("  The facet 'colour' gives no attribute")


def test_missing_values_are_counted_and_can_be_changed(table, capsys):
    colours = ["red"] * 6 + ["N/A", "N/A", "unknown", "blue", "blue", "blue"]
    rows = [f"{i}.png,{'ab'[i % 2]},{colour}" for i, colour in enumerate(colours)]
    table.write_text("\n".join(["image,category,colour", *rows]))
    options = ["--facet-columns", "colour", "--min-positives", "1"]
    printed = show(capsys, "shop.csv", *options)
    remark = "column 'colour': read as missing (--missing-values): 'N/A' (2), 'unknown' (1)"
    assert remark in " ".join(printed.split())
    assert re.search(r"colour=red +6 +3 +3 ", printed)
    assert "colour=unknown" not in printed
    printed = show(capsys, "shop.csv", *options, "--missing-values", "n/a,none")
    assert re.search(r"colour=red +6 +4 +2 ", printed)
    assert re.search(r"colour=unknown +1 +9 +2 ", printed)
    printed = show(capsys, "shop.csv", *options, "--missing-values", "")
    assert re.search(r"colour=N/A +2 +10 +0 ", printed)


def test_an_escape_byte_in_a_file_name_is_escaped(table, capsys):
    evil = "\x1b[31mred\x9b.png"
    (table.parent / evil).write_bytes(b"damaged")
    table.write_text(f"image,category\n0.png,a\n{evil},\x1b]0;title\x07\n\x1b[2Jnone.png,a\n")
    for option in ((), ("--json",), ("--all",)):
        printed = show(capsys, "shop.csv", *option)
        assert not {"\x1b", "\x9b", "\x07"} & set(printed)
        shown = r"\u001b[31mred\u009b.png" if "--json" in option else r"\x1b[31mred\x9b.png"
        assert shown in "".join(printed.split())
    with pytest.raises(SystemExit):
        app.main(["catalogue", "show", "\x1b[2J.csv"])
    assert capsys.readouterr().err.startswith(r"\x1b[2J.csv does not exist")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.csv"], "none.csv does not exist"),
        (["shop.csv", "--facet-columns", "color"], "Did you mean 'colour'?"),
        (["shop.csv", "--min-positives", "0"], 'Invalid value "0" for --min-positives'),
    ],
)
def test_a_user_error_is_printed_as_one_sentence(table, capsys, arguments, sentence):
    with pytest.raises(SystemExit) as left:
        app.main(["catalogue", "show", *arguments])
    captured = capsys.readouterr()
    assert left.value.code == app.USER_ERROR
    assert sentence in captured.err
    assert "Traceback" not in captured.err
    assert not captured.out
