import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import dualhash
from dualhash.catalogue.catalogue import Subset
from dualhash.catalogue.images import Preprocessing
from dualhash.cli import app
from dualhash.cli.demo import METRICS, RUDE, SEARCHES
from tests.builders import colour_model


@pytest.fixture(scope="module")
def training(few_emojis: Path) -> Iterator[dict[str, object]]:
    """Replaces training by a model of the mean colour; returns the arguments of the last call."""
    arguments: dict[str, object] = {}

    def train(
        catalogue: dualhash.Catalogue, config: dualhash.TrainConfig, out: Path, *, replace: bool
    ) -> dualhash.Model:
        arguments.update(config=config, replace=replace)
        return colour_model(
            out,
            config.bits,
            category_names=catalogue.names.categories,
            attribute_names=catalogue.names.attributes,
            preprocessing=Preprocessing(resize=(72, 72), crop=(72, 72)),
        )

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(few_emojis))
        monkeypatch.setattr(dualhash, "train", train)
        yield arguments


def run(out: Path, *options: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        app.main(["demo", "--out", str(out), *options])
    return exit_.value.code


@pytest.fixture(scope="module")
def demo(training: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that has run."""
    out = tmp_path_factory.mktemp("demo") / "new" / "folder"
    assert run(out, "--no-serve") == 0
    return out


def test_the_demo_writes_model_index_sheets_and_report(demo: Path):
    assert {path.name for path in demo.iterdir()} == {
        *("model", "emoji.dhx", "report.json"),
        *(f"{task}.png" for task in SEARCHES),
    }
    for task in SEARCHES:
        Image.open(demo / f"{task}.png").verify()
    report = json.loads((demo / "report.json").read_text())
    assert all(0 <= report[name] <= 1 for name in METRICS)
    assert set(report["seconds"]) == {"catalogue", "train", "index", "search", "evaluate"}


def test_the_middle_finger_is_not_indexed(demo: Path):
    emojis = dualhash.Catalogue.read("openmoji")
    unused = emojis.take(emojis.rows(Subset.TEST)).payload["hexcode"]
    rude = unused.str.starts_with(RUDE).sum()
    with dualhash.Index.open(demo / "emoji.dhx") as index:
        assert rude
        assert index.stats().items == len(unused) - rude
        assert not any(index.get(i).payload["hexcode"].startswith(RUDE) for i in range(len(index)))


def test_the_demo_can_run_again_and_ends_by_serving_its_index(
    demo: Path,
    training: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    served: list[Path] = []
    monkeypatch.setattr("dualhash.cli.demo.run_server", lambda index, port: served.append(index))
    before = json.loads((demo / "report.json").read_text())
    assert run(demo) == 0
    assert training["replace"]
    report = json.loads((demo / "report.json").read_text())
    assert {name: report[name] for name in METRICS} == {name: before[name] for name in METRICS}
    assert served == [demo / "emoji.dhx"]
    printed = capsys.readouterr().out
    for task, search in SEARCHES.items():
        assert f"{demo / task}.png - {task} search: {search.description}" in printed
