"""Steps of the benchmark: what runs, what is kept, what runs again."""

import json
from pathlib import Path

import pytest

from benchmarks.features.parts import steps
from benchmarks.features.steps import Step, run_steps
from benchmarks.features.targets import TARGETS
from benchmarks.features.training import END_TO_END
from dualhash.cli.training_options import TrainingOptions, build_config


class Counted:
    """Two steps of one part and one on request; each measures how often it has run."""

    def __init__(self, folder: Path) -> None:
        self.results, self.work = folder / "results", folder / "work"
        self.ran: list[str] = []
        self.steps = [
            Step("part", "part-one", 1, lambda _: self.measure("part-one")),
            Step("part", "part-two", 2, lambda _: self.measure("part-two")),
            Step("slow", "slow-one", 60, lambda _: self.measure("slow-one"), on_request=True),
        ]

    def measure(self, name: str) -> dict[str, object]:
        self.ran.append(name)
        return {"runs": self.ran.count(name)}

    def run(self, *, only: tuple[str, ...] = (), again: tuple[str, ...] = ()) -> dict[str, int]:
        found = run_steps(self.steps, self.results, self.work, only, again)
        return {name: figures["runs"] for name, figures in found.items()}


@pytest.fixture
def counted(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


def test_a_finished_step_does_not_run_again(counted: Counted):
    assert counted.run() == {"part-one": 1, "part-two": 1}
    assert counted.run() == {"part-one": 1, "part-two": 1}
    assert counted.ran == ["part-one", "part-two"]


def test_only_a_named_step_or_part_runs(counted: Counted):
    assert counted.run(only=("part-two",)) == {"part-two": 1}
    assert counted.run(only=("part",)) == {"part-one": 1, "part-two": 1}
    assert counted.ran == ["part-two", "part-one"]


def test_an_optional_step_runs_if_its_part_is_named(counted: Counted):
    assert counted.run(only=("slow",)) == {"slow-one": 1}


def test_repeating_a_step_deletes_only_its_own_files(counted: Counted):
    counted.run()
    (counted.work / "part-one.training").mkdir(parents=True)
    (counted.work / "part-one-evaluation.json").touch()
    (counted.work / "part-two").mkdir()
    assert counted.run(again=("part-one",)) == {"part-one": 2, "part-two": 1}
    assert [path.name for path in counted.work.iterdir()] == ["part-two"]


def test_finished_steps_are_kept_if_a_later_one_fails(counted: Counted):
    def fail(_: object) -> dict[str, object]:
        raise RuntimeError

    last = Step("part", "part-three", 1, fail)
    with pytest.raises(RuntimeError):
        run_steps([*counted.steps, last], counted.results, counted.work, (), ())
    assert counted.run() == {"part-one": 1, "part-two": 1}


def test_a_result_names_machine_and_duration(counted: Counted):
    counted.run(only=("part-one",))
    kept = json.loads((counted.results / "part-one.json").read_text())
    assert kept["machine"]["processor"]
    assert kept["machine"]["versions"].keys() >= {"onnxruntime", "torch"}
    assert kept["took_seconds"] >= 0


def test_remaining_minutes_are_printed(counted: Counted, capsys: pytest.CaptureFixture[str]):
    counted.run()
    first, second = capsys.readouterr().out.splitlines()
    assert first == "[1 of 2] part-one: about 1 minutes; 3 minutes to the end"
    assert second == "[2 of 2] part-two: about 2 minutes; 2 minutes to the end"


def test_names_of_steps_are_unique_and_start_with_their_part(tmp_path: Path):
    every = steps(tmp_path, tmp_path)
    assert len({step.name for step in every}) == len(every)
    assert [step.name for step in every if not step.name.startswith(step.part)] == []


def test_every_target_refers_to_existing_steps(tmp_path: Path):
    known = {step.name for step in steps(tmp_path, tmp_path)}
    assert {name for target in TARGETS for name in target.steps} <= known


def test_the_hour_of_training_starts_all_layers_from_pretrained_weights():
    config = build_config(None, END_TO_END, TrainingOptions())
    assert (config.features, config.frozen_stages) == (None, 0)
    assert config.pretrained
    assert config.schedule == "one-cycle"
