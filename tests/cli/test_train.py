import json
import re
from pathlib import Path

import pytest

from dualhash import progress
from dualhash.cli import app
from dualhash.losses import CATEGORY_LOSSES
from tests.training.tiny_training import make_catalogue, make_config


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of tiny pictures, in the working folder."""
    progress.console.cache_clear()
    monkeypatch.setenv("DUALHASH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    made = make_catalogue(tmp_path / "images")
    subsets = ("train-both", "train-attribute", "train-category", "test")
    rows = ["image,category,top,left,subset"] + [
        f"images/{name},c{category},{top},{left},{subsets[subset]}"
        for name, category, (top, left), subset in zip(
            made.references, made.categories, made.attributes, made.subsets, strict=True
        )
    ]
    (tmp_path / "tiny.csv").write_text("\n".join(rows))
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        app.main(["train", "tiny.csv", "--attribute-columns", "top,left", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_options_override_the_file_and_the_file_overrides_the_preset(
    table: Path, capsys: pytest.CaptureFixture[str]
):
    skipped = {"pretrained", "backbone", "lr_pretrained", "preset"}
    small = {
        name: value
        for name, value in make_config().model_dump(mode="json").items()
        if name not in skipped and value is not None
    }
    (table / "settings.json").write_text(
        json.dumps(small | {"bits": 24, "momentum": 0.8, "preset": "paper-cfw"})
    )
    options = ("--preset", "small", "--bits", "8", "--iterations", "1")
    assert run("--out", "m", "--config", "settings.json", *options) == 0
    message = capsys.readouterr()
    assert "preset small: resnet18-half, 8 bits" in message.err
    assert "categories and 2 attributes" in message.err
    assert "m: 8 bits from" in message.out
    card = json.loads((table / "m" / "model.json").read_text())
    config = card["config"]
    assert (config["momentum"], config["iterations"], config["nesterov"]) == (0.8, 1, False)
    assert card["attribute_names"] == ["top", "left"]
    assert card["columns"]["attributes"] == ["top", "left"]


def test_the_help_names_every_category_loss(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        app.main(["train", "--help"])
    message = (
        capsys.readouterr().out.partition("--category-loss")[2].partition("--attribute-loss")[0]
    )
    assert [name for name in CATEGORY_LOSSES if name not in message] == []


@pytest.mark.parametrize(
    ("command", "option", "default"),
    [
        ("train", "preset", "dph+; small with --backbone or --weights"),
        ("train", "bits", "256"),
        ("train", "alpha", "0.5 (dph+), 0.2 (small)"),
        ("train", "features", "efficientnet-lite0 (dph+)"),
        ("train", "backbone", "resnet18-half (small)"),
        ("train", "epochs", "15 (dph+)"),
        ("pretrain", "iterations", "6000"),
        ("pretrain", "lr-new", "0.1"),
    ],
)
def test_the_help_names_the_defaults_of_the_presets(
    command: str, option: str, default: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        app.main([command, "--help"])
    lines = (line.strip(" │*") for line in capsys.readouterr().out.splitlines())
    text = " ".join(line for line in lines if not line.startswith(("╭", "╰")))
    description = re.split(rf" --{option} [A-Z,|]+ ", text)[1]
    shown = re.findall(r"\[default: (.*?)\]", " ".join(description.split()))
    assert shown[0] == default


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "smal"], "'small'"),
        (["--config", "none.json"], "none.json cannot be read"),
        (["--config", "tiny.csv"], "cannot be read as JSON"),
        (["--config", "wrong.toml"], "'momentum'"),
        (["--config", "list.json"], "must hold settings"),
        (["--alpha", "-1"], "at least 0"),
        (["--bits", "12"], "The setting `bits` must be a multiple of 8, not 12."),
        (["--bits", "16,12"], "The setting `bits` must be a multiple of 8, not 12."),
        (["--seed", "-1"], "The setting `seed` must be at least 0, not -1."),
        (["--bits", "16,x"], "'x' is not a whole number"),
        (["--iterations", "5", "--epochs", "2"], "either iterations or epochs"),
        (["--backbone", "resnet"], "resnet18"),
        (
            ["--method", "cnn-attribute", "--alpha", "0.5"],
            "CNN-attribute always trains with alpha = 1.0",
        ),
        (["--method", "lsh", "--preset", "small"], "(--weights FOLDER)"),
        (["--method", "itq", "--preset", "small"], "(--features efficientnet-lite0)"),
        (
            ["--method", "ssdh", "--category-loss", "triplet"],
            "SSDH always trains with category_loss",
        ),
        (["--method", "multiple-model", "--alpha", "1"], "Multiple-model always trains with alpha"),
    ],
)
def test_invalid_settings_are_refused(
    table: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
):
    (table / "wrong.toml").write_text("momentun = 0.9")
    (table / "list.json").write_text("[1]")
    assert run("--out", "m", *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (table / "m").exists()


@pytest.mark.parametrize("setting", ["--bits=12", "--backbone=resnet"])
def test_settings_are_checked_before_the_catalogue_is_read(
    capsys: pytest.CaptureFixture[str], setting: str
):
    with pytest.raises(SystemExit, match="2"):
        app.main(["train", "missing.csv", "--out", "m", setting])
    assert "missing.csv" not in capsys.readouterr().err


SHORT = ("--preset", "small", "--iterations", "2", "--validation-every", "1")


def test_several_lengths_give_a_model_each_and_a_table(
    table: Path, capsys: pytest.CaptureFixture[str]
):
    (table / "images" / "0.png").write_bytes(b"damaged")
    assert run("--out", "m", "--bits", "8,16,8", *SHORT) == 0
    message = capsys.readouterr()
    assert message.err.count("/0.png") == 1
    for bits in (8, 16):
        assert json.loads((table / f"m-{bits}" / "model.json").read_text())["bits"] == bits
    assert re.search(r"m-8 +8 +0\.2 ", message.out)
    assert re.search(r"m-16 +16 +0\.2 ", message.out)
    assert not (table / "m").exists()


def test_several_lengths_resume_after_the_models_that_are_complete(
    table: Path, capsys: pytest.CaptureFixture[str]
):
    assert run("--out", "m", "--bits", "8", *SHORT) == 0
    (table / "m").rename(table / "m-8")
    written = (table / "m-8" / "model.json").stat().st_mtime_ns
    assert run("--out", "m", "--bits", "16,8", *SHORT) == 2
    assert "m-8 exists: --resume" in capsys.readouterr().err
    assert not (table / "m-16").exists()
    assert run("--out", "m", "--bits", "16,8", "--resume", *SHORT) == 0
    assert (table / "m-16" / "model.json").is_file()
    assert (table / "m-8" / "model.json").stat().st_mtime_ns == written
