import json
from pathlib import Path

import pytest

from dualhash.cli import app
from tests.cli.test_train import table  # noqa: F401 - a fixture
from tests.training.tiny_training import make_config


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        app.main([*arguments, "--attribute-columns", "top,left"])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_pretrain_writes_weights_that_other_methods_start_from(
    table: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
):
    skipped = {"backbone", "iterations", "frozen_stages", "weights", "without_categories"}
    skipped |= {"method", "preset"}
    small = {
        name: value
        for name, value in make_config().model_dump(mode="json").items()
        if name not in skipped and value is not None
    }
    (table / "small.json").write_text(json.dumps(small))
    usual = ("--preset", "small", "--config", "small.json", "--iterations", "1")
    assert run("pretrain", "tiny.csv", "--out", "w", *usual, "--without-categories", "c1") == 0
    assert "w: resnet18-half classifies 2 categories, trained on" in capsys.readouterr().out
    start = ("--weights", "w", "--frozen-stages", "3")
    assert run("train", "tiny.csv", "--out", "m", "--method", "ssdh", *usual, *start) == 0
    message = capsys.readouterr()
    assert "ssdh, preset small: resnet18-half, 16 bits" in message.err
    assert "m: 16 bits from" in message.out
    assert json.loads((table / "m" / "model.json").read_text())["method"] == "ssdh"
    assert run("evaluate", "m", "tiny.csv", "--bootstrap", "0") == 0
    judged = capsys.readouterr()
    assert "category mAP" in judged.out + judged.err


def test_pretrain_offers_only_settings_that_it_uses(capsys: pytest.CaptureFixture[str]):
    assert run("pretrain", "--help") == 0
    offered = capsys.readouterr().out
    assert "--backbone" in offered
    assert not [name for name in ("--bits", "--features ", "--alpha", "loss") if name in offered]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pretrain", "tiny.csv", "--without-categories", "c7"), "no category 'c7'"),
        (("train", "tiny.csv", "--method", "sshd"), "'ssdh'"),
        (("train", "tiny.csv", "--weights", "nowhere"), "nowhere holds no weights"),
        (("train", "tiny.csv", "--frozen-stages", "2"), "set weights or pretrained"),
    ],
)
def test_invalid_settings_are_refused(
    table: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
):
    assert run(*arguments, "--out", "m", "--preset", "small") == 2
    assert message in capsys.readouterr().err
